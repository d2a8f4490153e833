'use strict';

/**
 * Where Lens events go: finds the emitters, and tells when somebody listens to them.
 *
 * `@lensjs/core` ships an ESM and a CommonJS copy, each with its own `lensEmitter`, `lensContext` and
 * store. The app uses one of them (by how it imports Lens), and cannot be asked which: so both are
 * targets, and an event goes to those that have a `cache` listener. Two copies that both listen have
 * two stores; none gets an event twice.
 */

const { EventEmitter } = require('node:events');

const { makeError } = require('./errors.js');

/** A name, not a literal in `require`: a bundler must not fail on an optional package. */
const LENS_CORE = '@lensjs/core';

/**
 * @typedef {import('../index.js').LensCacheEvent} LensCacheEvent
 * @typedef {import('../index.js').LensOptions} LensOptions
 * @typedef {{ emit(event: 'cache', payload: LensCacheEvent): unknown, listenerCount?: (event: string) => number, emitter?: unknown }} LensEmitter
 * @typedef {{ getStore(): { requestId?: string } | undefined }} LensContext
 */

/**
 * One place that events go to.
 *
 * @typedef {object} LensTarget
 * @property {() => boolean} active whether somebody listens
 * @property {(action: LensCacheEvent['action'], data: LensCacheEvent['data']) => unknown} send called
 *   in the async context of the cache operation's caller
 * @property {(changed: (coming: boolean) => void) => () => void} watch calls `changed` before a
 *   listener comes (`true`) and after one went (`false`); returns what ends that. A target that
 *   cannot tell never calls
 * @property {boolean} watchable whether `watch` works
 */

/** @type {WeakMap<EventEmitter, { subscribers: Set<(coming: boolean) => void>, install: () => void, remove: () => void }>} */
const hubs = new WeakMap();

/**
 * One pair of listeners per emitter however many caches watch it: eleven would make Node.js warn of
 * a leak.
 *
 * @param {EventEmitter} emitter
 */
function hubOf(emitter) {
  const known = hubs.get(emitter);
  if (known) return known;
  /** @type {Set<(coming: boolean) => void>} */
  const subscribers = new Set();
  const onComing = (/** @type {string | symbol} */ event) => {
    if (event === 'cache') for (const changed of subscribers) changed(true);
  };
  const onGone = (/** @type {string | symbol} */ event) => {
    if (event === 'cache') for (const changed of subscribers) changed(false);
  };
  const hub = {
    subscribers,
    install() {
      // Asked each time: the app may have removed all listeners in between.
      if (emitter.listeners('newListener').includes(onComing)) return;
      emitter.on('newListener', onComing);
      emitter.on('removeListener', onGone);
    },
    remove() {
      emitter.off('newListener', onComing);
      emitter.off('removeListener', onGone);
    },
  };
  hubs.set(emitter, hub);
  return hub;
}

/**
 * @param {EventEmitter} emitter
 * @param {(coming: boolean) => void} changed
 * @returns {() => void}
 */
function watchEmitter(emitter, changed) {
  const hub = hubOf(emitter);
  hub.install();
  hub.subscribers.add(changed);
  return () => {
    hub.subscribers.delete(changed);
    if (hub.subscribers.size === 0) hub.remove();
  };
}

/** The time as Lens writes it. */
const now = () => new Date().toISOString();

/**
 * @param {LensEmitter} emitter
 * @param {LensContext | undefined} context
 * @returns {LensTarget}
 */
function emitterTarget(emitter, context) {
  // Lens's emitter has no `listenerCount` of its own; the Node.js emitter inside it has.
  const inner = emitter.emitter instanceof EventEmitter ? emitter.emitter : undefined;
  const counted = typeof emitter.listenerCount === 'function' ? emitter : inner;
  const watched = emitter instanceof EventEmitter ? emitter : inner;
  return {
    active: () => counted === undefined || /** @type {EventEmitter} */ (counted).listenerCount('cache') > 0,
    send: (action, data) => {
      const event = { action, data, requestId: context?.getStore()?.requestId, createdAt: now() };
      // Which action has which data is FORWARDED's matter, in lens.js.
      return emitter.emit('cache', /** @type {any} */ (event));
    },
    watchable: watched !== undefined,
    watch: (changed) => (watched ? watchEmitter(watched, changed) : () => {}),
  };
}

/**
 * @param {(event: { action: LensCacheEvent['action'], data: LensCacheEvent['data'] }) => void} emitCacheEvent
 * @returns {LensTarget}
 */
function functionTarget(emitCacheEvent) {
  return {
    active: () => true,
    // `emitCacheEvent` of @lensjs/watchers adds the request's id and the time by itself.
    send: (action, data) => emitCacheEvent({ action, data }),
    watchable: false,
    watch: () => () => {},
  };
}

/** @returns {Promise<LensTarget[]>} */
async function installedTargets() {
  /** @type {Map<unknown, LensTarget>} */
  const targets = new Map();
  let failure;
  const loaders = [() => import(LENS_CORE), async () => require(LENS_CORE)];
  for (const load of loaders) {
    try {
      const { lensEmitter, lensContext } = await load();
      // A loader that maps both to one file must not make two targets of one emitter.
      if (typeof lensEmitter?.emit === 'function' && !targets.has(lensEmitter)) {
        targets.set(lensEmitter, emitterTarget(lensEmitter, lensContext));
      }
    } catch (error) {
      failure ??= error;
    }
  }
  if (targets.size > 0) return [...targets.values()];
  const code = /** @type {{ code?: unknown } | undefined} */ (failure)?.code;
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  throw makeError(
    'CACHE_CONFIG',
    `\`lens: true\` needs the package @lensjs/core (3 or later), which ${
      missing ? 'is not installed' : 'could not be loaded'
    } here: run \`npm install @lensjs/core\`, or give \`lens: { emitter, context }\` or ` +
      '`lens: { emitCacheEvent }` of the copy that the app uses',
    { cause: failure },
  );
}

/**
 * The targets that a `lens` option means.
 *
 * @param {Exclude<LensOptions, false>} option
 * @returns {Promise<LensTarget[]>}
 * @throws {import('../index.js').CacheError} `CACHE_CONFIG` if the option has another form, or `true` finds no Lens
 */
async function resolveTargets(option) {
  if (option === true) return installedTargets();
  if (typeof option === 'object' && option !== null) {
    if ('emitCacheEvent' in option && typeof option.emitCacheEvent === 'function') {
      return [functionTarget(option.emitCacheEvent)];
    }
    if ('emitter' in option && typeof option.emitter?.emit === 'function') {
      const { context } = option;
      if (context === undefined || typeof context?.getStore === 'function') {
        return [emitterTarget(option.emitter, context)];
      }
    }
  }
  throw makeError(
    'CACHE_CONFIG',
    '`lens` must be true, false, { emitCacheEvent } with a function, or { emitter, context } with ' +
      'the lensEmitter and lensContext of @lensjs/core',
  );
}

module.exports = { resolveTargets };
