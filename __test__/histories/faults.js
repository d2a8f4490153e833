'use strict';

/**
 * Caches with a fault, to show that the checker finds it. Each takes a good cache and breaks one promise; `finds`
 * are the kinds of violation of which at least one must be reported.
 *
 * @typedef {{ what: string; finds: readonly string[]; plant: (cache: any) => object }} Fault
 */

const { setImmediate: turn } = require('node:timers/promises');

/** @type {Readonly<Record<string, Fault>>} */
const FAULTS = {
  'blind-fill': {
    what: 'what a factory computed is stored without asking whether it is still wanted',
    finds: ['resurrected'],
    plant: (cache) => ({
      remember: through(cache, async (ask, key, options, factory) => {
        let ran = false;
        const value = await ask(key, options, (context) => {
          ran = true;
          return factory(context);
        });
        if (ran) await cache.put(key, value);
        return value;
      }),
    }),
  },
  'late-joiner': {
    what: 'who asks after an invalidation joins the run from before it',
    finds: ['resurrected'],
    plant: (cache) => {
      const flights = new Map();
      return {
        remember: through(cache, (ask, key, options, factory) => {
          const running = flights.get(key);
          if (running) return running;
          const flight = ask(key, options, factory).finally(() => flights.delete(key));
          flights.set(key, flight);
          return flight;
        }),
      };
    },
  },
  'deaf-forget': {
    what: 'one forget in ten does nothing',
    finds: ['resurrected'],
    plant: (cache) => ({ forget: sometimes(10, () => true, cache.forget.bind(cache)) }),
  },
  'deaf-tags': {
    what: 'one tag flush in five does nothing',
    finds: ['resurrected'],
    plant: (cache) => ({
      tags: (names) => {
        const tagged = cache.tags(names);
        return { ...bound(tagged), flush: () => flushes(tagged) };
      },
    }),
  },
  'lost-put': {
    what: 'one put in ten stores nothing',
    finds: ['resurrected', 'vanished'],
    plant: (cache) => ({ put: sometimes(10, () => undefined, cache.put.bind(cache)) }),
  },
  'no-flight': {
    what: 'each who misses runs its own factory',
    finds: ['two-runs'],
    plant: (cache) => ({
      remember: through(cache, async (_ask, key, _options, factory) => {
        const stored = await cache.get(key);
        return stored ?? factory({ setTags() {} });
      }),
    }),
  },
  'lost-count': {
    what: 'one increment in ten is answered and not stored',
    finds: ['lost-count'],
    plant: (cache) => ({
      increment: sometimes(
        10,
        async (key, step) => ((await cache.get(key)) ?? 0) + step,
        cache.increment.bind(cache),
      ),
    }),
  },
  'racy-count': {
    what: 'a counter is read and then written',
    finds: ['lost-count'],
    plant: (cache) => ({
      async decrement(key, step) {
        const value = ((await cache.get(key)) ?? 0) - step;
        await turn();
        await cache.put(key, value);
        return value;
      },
    }),
  },
  'shared-lock': {
    what: 'a lock that another holds is given all the same',
    finds: ['two-holders'],
    plant: (cache) => ({
      async lock(key, options) {
        const lock = await cache.lock(key, { ...options, maxRetries: 0 });
        return lock.acquired ? lock : { acquired: true, token: Date.now(), release: async () => true };
      },
    }),
  },
  'thief-lock': {
    what: 'a lock can be released by who does not own it',
    finds: ['lost-early', 'two-holders'],
    plant: (cache) => {
      const held = new Map();
      return {
        async lock(key, options) {
          const lock = await cache.lock(key, options);
          if (lock.acquired) held.set(key, lock);
          // Who gave up waiting "releases" all the same.
          else await held.get(key)?.release();
          return lock;
        },
      };
    },
  },
  'falling-fence': {
    what: 'fencing numbers fall',
    finds: ['fence'],
    plant: (cache) => ({
      async lock(key, options) {
        const lock = await cache.lock(key, options);
        const token = lock.token === null ? null : -lock.token;
        return { acquired: lock.acquired, token, release: () => lock.release() };
      },
    }),
  },
};

/**
 * A cache with the fault of that name; the cache itself without one.
 *
 * @param {any} cache
 * @param {string | undefined} name
 */
function plant(cache, name) {
  return name === undefined ? cache : { ...bound(cache), ...FAULTS[name].plant(cache) };
}

/** The methods that a client calls, as an object that can be spread. */
function bound(cache) {
  const names = [
    'get',
    'put',
    'forget',
    'remember',
    'tags',
    'flush',
    'increment',
    'decrement',
    'lock',
    'lockAndRun',
  ];
  const methods = names.filter((name) => name in cache);
  return Object.fromEntries(methods.map((name) => [name, cache[name].bind(cache)]));
}

/** `remember(key, options, factory)`, broken; what the tagged form does is not. */
function through(cache, broken) {
  return (key, options, factory) => broken(cache.remember.bind(cache), key, options, factory);
}

/** Every `nth` call goes the wrong way. */
function sometimes(nth, wrong, right) {
  let calls = 0;
  return async (...args) => {
    calls += 1;
    return calls % nth === 0 ? wrong(...args) : right(...args);
  };
}

const flushes = sometimes(
  5,
  () => undefined,
  (tagged) => tagged.flush(),
);

module.exports = { FAULTS, plant };
