'use strict';

/**
 * The bridge to Lens: forwards a cache's events to the Lens dashboard.
 *
 * It listens to the cache only while somebody listens to Lens's `cache` event, so that an app whose
 * Lens is off pays nothing. It sends from inside the cache's listener, which runs in the async
 * context of the operation's caller: only there does Lens know the request.
 */

const { makeError } = require('./errors.js');
const { DEFAULT_RATE, createSampler } = require('./lens-sampler.js');
const { snapshotKey, snapshotValue } = require('./lens-snapshot.js');
const { resolveTargets } = require('./lens-targets.js');

/**
 * @typedef {import('../index.js').Cache} Cache
 * @typedef {import('../index.js').CacheEvents} CacheEvents
 * @typedef {import('../index.js').LensCacheEvent} LensCacheEvent
 * @typedef {import('../index.js').LensOptions} LensOptions
 */

const keyOf = (/** @type {{ key: string }} */ { key }) => ({ key: snapshotKey(key) });
const keyAndValueOf = (/** @type {{ key: string, value: unknown }} */ { key, value }) => ({
  key: snapshotKey(key),
  value: snapshotValue(value),
});

/**
 * What Lens is told of each event. `evict`, `expire`, `lock`, `refresh`, `connect`, `disconnect` and
 * `error` are not there: Lens has no action for them, and most happen outside of any request.
 *
 * @type {{ [E in keyof CacheEvents]?: [LensCacheEvent['action'], (event: CacheEvents[E]) => LensCacheEvent['data']] }}
 */
const FORWARDED = {
  hit: ['hit', keyAndValueOf],
  stale: ['hit', keyAndValueOf],
  miss: ['miss', keyOf],
  write: ['write', keyAndValueOf],
  delete: ['delete', keyOf],
  clear: ['clear', ({ namespace }) => (namespace ? { key: snapshotKey(`${namespace}:*`) } : {})],
  invalidate: [
    'clear',
    ({ tags }) => ({
      key: snapshotKey(`tags: ${tags.join(', ')}`),
      value: snapshotValue({ tags }),
    }),
  ],
};

/**
 * @param {Exclude<LensOptions, false>} option
 * @returns {number}
 */
function rateOf(option) {
  const rate = option === true ? DEFAULT_RATE : (option.maxEventsPerSecond ?? DEFAULT_RATE);
  if (typeof rate === 'number' && Number.isFinite(rate) && rate > 0) return rate;
  throw makeError('CACHE_CONFIG', '`lens.maxEventsPerSecond` must be a finite number above 0');
}

/**
 * Forwards the events of `cache` to Lens.
 *
 * @param {Cache} cache
 * @param {LensOptions | undefined} option `true`: the installed `@lensjs/core`, both of its copies
 * @param {{ logger?: import('../index.js').CacheLogger | undefined }} [environment] `logger` takes
 *   the count of events that were sampled out or that Lens did not take, once a second at most
 * @returns {Promise<() => void>} detaches; idempotent
 * @throws {import('../index.js').CacheError} `CACHE_CONFIG` if the option is malformed, or `true` and Lens is not installed
 */
async function attachLens(cache, option, { logger } = {}) {
  if (option === false || option === undefined) return () => {};
  const targets = await resolveTargets(option);
  const sampler = createSampler(rateOf(option), logger);

  const forward = (
    /** @type {LensCacheEvent['action']} */ action,
    /** @type {(event: any) => LensCacheEvent['data']} */ describe,
    /** @type {unknown} */ event,
  ) => {
    /** @type {LensCacheEvent['data'] | undefined} */
    let data;
    for (const target of targets) {
      if (!target.active()) continue;
      if (data === undefined) {
        if (!sampler.take()) return;
        data = describe(event);
      }
      try {
        const sent = target.send(action, data);
        if (sent instanceof Promise) sent.catch(sampler.failed);
      } catch (error) {
        // Lens observes: what fails there is no failure of the cache.
        sampler.failed(error);
      }
    }
  };

  const listeners = Object.entries(FORWARDED).map(([name, [action, describe]]) => ({
    name: /** @type {keyof CacheEvents} */ (name),
    listener: (/** @type {unknown} */ event) => forward(action, describe, event),
  }));
  let listening = false;
  const listen = (/** @type {boolean} */ wanted) => {
    if (wanted === listening) return;
    listening = wanted;
    for (const { name, listener } of listeners) cache[wanted ? 'on' : 'off'](name, listener);
  };

  // A target that cannot tell when it is listened to is asked at every event.
  const alwaysOn = targets.some((target) => !target.watchable);
  const unwatch = targets.map((target) =>
    target.watch((coming) => listen(coming || alwaysOn || targets.some(({ active }) => active()))),
  );
  listen(alwaysOn || targets.some(({ active }) => active()));

  let detached = false;
  return () => {
    if (detached) return;
    detached = true;
    for (const end of unwatch) end();
    listen(false);
    sampler.stop();
  };
}

module.exports = { attachLens };
