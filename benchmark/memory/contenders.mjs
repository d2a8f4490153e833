/**
 * The contenders that have tags or counters, set up as in ../contenders.mjs, with what tags need switched on.
 *
 * `open({ entries, load })` resolves to `{ put?, get?, flush?, increment?, close? }`. `put(key, value, at)` stores
 * an entry with the two tags of its index, `flush(tag)` invalidates all that has the tag, and what cannot store
 * puts by its `get`, whose miss runs `load(key)`.
 */
import { FLOOR } from '../contenders.mjs';

const HOUR_S = 3600;
const HOUR_MS = HOUR_S * 1000;

/** How many entries have a tag that is flushed. */
export const ENTRIES_OF_TAG = 10;
/** A tag that all entries have and that is never flushed. */
const COMMON = 'users';

export const groupOf = (at) => `group:${Math.floor(at / ENTRIES_OF_TAG)}`;
const tagsOf = (at) => [COMMON, groupOf(at)];
/** Of a key of values.mjs: the inverse of `smallKey`. */
const indexOf = (key) => Number(key.slice(key.indexOf(':') + 1)) - 100_000;

const ferrocache = {
  name: 'ferrocache',
  async open() {
    const { Cache } = await import('../../index.js');
    const cache = new Cache();
    return {
      put: (key, value, at) => cache.tags(tagsOf(at)).put(key, value),
      get: (key) => cache.get(key),
      flush: (tag) => cache.tags([tag]).flush(),
      increment: (key) => cache.increment(key),
      close: () => cache.close(),
    };
  },
};

/** Has no tags. A step is atomic in it because nothing is awaited between the read and the write. */
const lruCache = {
  name: 'lru-cache',
  async open({ entries }) {
    const { LRUCache } = await import('lru-cache');
    const cache = new LRUCache({ max: entries, ttl: HOUR_MS });
    return {
      increment: async (key) => {
        const next = (cache.get(key) ?? 0) + 1;
        cache.set(key, next);
        return next;
      },
    };
  },
};

const bentocache = {
  name: 'bentocache',
  async open({ entries }) {
    const { BentoCache, bentostore } = await import('bentocache');
    const { memoryDriver } = await import('bentocache/drivers/memory');
    const store = bentostore().useL1Layer(memoryDriver({ maxItems: entries }));
    const cache = new BentoCache({ default: 'memory', ttl: HOUR_MS, stores: { memory: store } });
    return {
      put: (key, value, at) => cache.set({ key, value, tags: tagsOf(at) }),
      get: (key) => cache.get({ key }),
      flush: (tag) => cache.deleteByTag({ tags: [tag] }),
      close: () => cache.disconnectAll(),
    };
  },
};

const cacheable = {
  name: 'cacheable',
  async open() {
    const { Cacheable } = await import('cacheable');
    const cache = new Cacheable({ ttl: HOUR_MS, tags: true });
    return {
      put: (key, value, at) => cache.set(key, value, { tags: tagsOf(at) }),
      get: (key) => cache.get(key),
      flush: (tag) => cache.tags.invalidateTag(tag),
      close: () => cache.disconnect(),
    };
  },
};

const asyncCacheDedupe = {
  name: 'async-cache-dedupe',
  async open({ entries, load }) {
    const { createCache } = await import('async-cache-dedupe');
    const storage = { type: 'memory', options: { size: entries, invalidation: true } };
    const options = { ttl: HOUR_S, references: (key) => tagsOf(indexOf(key)) };
    const cache = createCache({ storage }).define('fetch', options, load);
    return {
      get: (key) => cache.fetch(key),
      flush: (tag) => cache.invalidateAll([tag]),
    };
  },
};

/** An entry has one group there, which its read names too. */
const layeredLoader = {
  name: 'layered-loader',
  async open({ entries }) {
    const { ManualGroupCache } = await import('layered-loader');
    const cache = new ManualGroupCache({
      inMemoryCache: {
        cacheType: 'lru-map',
        ttlInMsecs: HOUR_MS,
        maxGroups: entries,
        maxItemsPerGroup: ENTRIES_OF_TAG,
      },
    });
    return {
      put: (key, value, at) => cache.set(key, value, groupOf(at)),
      get: (key) => cache.get(key, groupOf(indexOf(key))),
      flush: (tag) => cache.invalidateCacheForGroup(tag),
      close: () => cache.close(),
    };
  },
};

const floor = {
  name: FLOOR,
  async open() {
    const resolved = Promise.resolve(null);
    const operation = () => resolved;
    return { put: operation, get: operation, flush: operation, increment: operation };
  },
};

/** In the order of the tables. */
export const contenders = [
  floor,
  ferrocache,
  lruCache,
  bentocache,
  cacheable,
  asyncCacheDedupe,
  layeredLoader,
];
