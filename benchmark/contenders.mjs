/**
 * The caches that are compared, each as its own documentation sets it up for one process, with two
 * things made equal: a life of one hour, given once to the cache where it takes it (which is the
 * cheapest way in each), and room for all entries where the default has less.
 *
 * `open({ entries, load, maxSizeBytes })` resolves to `{ get?, put?, remember?, close? }`, all of
 * which return promises. `remember(key)` is the get-through call; a miss runs `load(key)`, in a
 * closure made for the call where the API takes one, as an app would write it.
 * Packages are imported by `open`, so that a process that measures memory holds one alone.
 */
import { readFileSync } from 'node:fs';

const HOUR_S = 3600;
const HOUR_MS = HOUR_S * 1000;

const ferrocache = {
  name: 'ferrocache',
  setup: '`new Cache()`: memory driver, default options',
  async open({ maxSizeBytes, load }) {
    const { Cache } = await import('../index.js');
    // The default TTL is one hour. The default bound (64 MiB) holds the small data set.
    const cache = new Cache(maxSizeBytes === undefined ? {} : { config: { maxSizeBytes } });
    return {
      get: (key) => cache.get(key),
      put: (key, value) => cache.put(key, value),
      remember: (key) => cache.remember(key, () => load(key)),
      stats: () => cache.stats(),
      handle: cache[Symbol.for('ferrocache.handle')],
      close: () => cache.close(),
    };
  },
};

const lruCache = {
  name: 'lru-cache',
  setup: '`new LRUCache({ max, ttl })`, its calls wrapped in async functions; `fetch` as remember',
  async open({ entries, load }) {
    const { LRUCache } = await import('lru-cache');
    const cache = new LRUCache({ max: entries, ttl: HOUR_MS });
    // A cache with a fetch method does more on every get: it gets an instance of its own.
    const loader = load && new LRUCache({ max: entries, ttl: HOUR_MS, fetchMethod: load });
    return {
      get: async (key) => cache.get(key),
      put: async (key, value) => void cache.set(key, value),
      remember: load && (async (key) => loader.fetch(key)),
    };
  },
};

const bentocache = {
  name: 'bentocache',
  setup: 'one store with `memoryDriver({ maxItems })`; its default serialises values',
  async open({ entries, load }) {
    const { BentoCache, bentostore } = await import('bentocache');
    const { memoryDriver } = await import('bentocache/drivers/memory');
    // Its default of 1,000 items would make nine of ten reads a miss.
    const store = bentostore().useL1Layer(memoryDriver({ maxItems: entries }));
    const cache = new BentoCache({ default: 'memory', ttl: HOUR_MS, stores: { memory: store } });
    return {
      get: (key) => cache.get({ key }),
      put: (key, value) => cache.set({ key, value }),
      remember: (key) => cache.getOrSet({ key, factory: () => load(key) }),
      close: () => cache.disconnectAll(),
    };
  },
};

const keyv = {
  name: 'keyv',
  setup: '`new Keyv({ ttl })` over its default Map; it has no get-through call',
  async open() {
    const { Keyv } = await import('keyv');
    const cache = new Keyv({ ttl: HOUR_MS });
    return {
      get: (key) => cache.get(key),
      put: (key, value) => cache.set(key, value),
    };
  },
};

const cacheable = {
  name: 'cacheable',
  setup: '`new Cacheable({ ttl })` over its default memory store',
  async open({ load }) {
    const { Cacheable } = await import('cacheable');
    const cache = new Cacheable({ ttl: HOUR_MS });
    return {
      get: (key) => cache.get(key),
      put: (key, value) => cache.set(key, value),
      remember: (key) => cache.getOrSet(key, () => load(key)),
      close: () => cache.disconnect(),
    };
  },
};

const cacheManager = {
  name: 'cache-manager',
  setup: '`createCache({ ttl })` over its default memory store',
  async open({ load }) {
    const { createCache } = await import('cache-manager');
    const cache = createCache({ ttl: HOUR_MS });
    return {
      get: (key) => cache.get(key),
      put: (key, value) => cache.set(key, value),
      remember: (key) => cache.wrap(key, () => load(key)),
      close: () => cache.disconnect(),
    };
  },
};

const asyncCacheDedupe = {
  name: 'async-cache-dedupe',
  setup: "`createCache().define('fetch', { ttl }, load)`: it has a get-through call alone",
  async open({ entries, load }) {
    const { createCache } = await import('async-cache-dedupe');
    const storage = { type: 'memory', options: { size: entries } };
    const cache = createCache({ storage }).define('fetch', { ttl: HOUR_S }, load);
    return { remember: (key) => cache.fetch(key) };
  },
};

const layeredLoader = {
  name: 'layered-loader',
  setup:
    '`new ManualCache({ inMemoryCache })`; `new Loader({ inMemoryCache, dataSourceGetOneFn })` as remember',
  async open({ entries, load }) {
    const { Loader, ManualCache } = await import('layered-loader');
    const inMemoryCache = { cacheType: 'lru-map', ttlInMsecs: HOUR_MS, maxItems: entries };
    const cache = new ManualCache({ inMemoryCache });
    const loader = load && new Loader({ inMemoryCache, dataSourceGetOneFn: load });
    return {
      get: (key) => cache.get(key),
      put: (key, value) => cache.set(key, value),
      remember: load && ((key) => loader.get(key)),
      close: () => cache.close(),
    };
  },
};

/** What no awaited call can be cheaper than. */
const floor = {
  name: 'resolved promise',
  setup: 'awaiting a promise that is resolved already: the floor of any awaited call',
  async open() {
    const resolved = Promise.resolve(null);
    const operation = () => resolved;
    return { get: operation, put: operation, remember: operation };
  },
};

export const FLOOR = floor.name;

/** In the order of the tables. */
export const contenders = [
  floor,
  ferrocache,
  lruCache,
  bentocache,
  keyv,
  cacheable,
  cacheManager,
  asyncCacheDedupe,
  layeredLoader,
];

export function contender(name) {
  const found = contenders.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no contender "${name}"`);
  return found;
}

/** The installed version of each package that takes part. */
export function versions() {
  const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
  return Object.fromEntries(
    contenders
      .filter(({ name }) => name !== FLOOR)
      .map(({ name }) => [
        name,
        read(name === 'ferrocache' ? '../package.json' : `../node_modules/${name}/package.json`),
      ]),
  );
}
