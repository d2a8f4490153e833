// The options of a cache, discriminated by the driver.

import {
  Cache,
  MEMORY_DRIVER,
  createCacheManager,
  createMemoryCache,
  initCache,
  getCache,
  closeCache,
  type CacheConfig,
  type CacheManager,
  type CacheManagerOptions,
  type CacheOptions,
  type CacheStats,
  type CacheStore,
  type MemoryCacheConfig,
  type TaggableCacheStore,
} from 'ferrocache';

import { typeOf } from './expect.mjs';

new Cache();
new Cache({});
new Cache({ driver: 'memory' });
new Cache({ driver: MEMORY_DRIVER, config: { maxSize: 1000, maxSizeBytes: 1e6, policy: 'tinylfu' } });
new Cache({
  defaultTtl: '5m',
  prefix: 'app:',
  name: 'app',
  clock: 'manual',
  failOpen: false,
  hardTimeout: 5,
});
new Cache({ logger: console });
new Cache({ logger: { warn(_details, _message) {}, error(_details, _message) {} } });

// @ts-expect-error an unknown driver
new Cache({ driver: 'memroy' });
// @ts-expect-error an unknown option
new Cache({ driver: 'memory', maxsize: 1000 });
// @ts-expect-error an option of the driver's configuration in the wrong place
new Cache({ maxSize: 1000 });
// @ts-expect-error an unknown option of the memory driver
new Cache({ driver: 'memory', config: { maxsize: 1000 } });
// @ts-expect-error an option of another driver
new Cache({ driver: 'memory', config: { url: 'redis://localhost' } });
// @ts-expect-error a wrong type
new Cache({ config: { maxSize: '1000' } });
// @ts-expect-error an unknown policy
new Cache({ config: { policy: 'fifo' } });
// @ts-expect-error a default that is no duration
new Cache({ defaultTtl: '5 minutes' });
// @ts-expect-error half a logger
new Cache({ logger: { warn() {} } });
// @ts-expect-error an unknown clock
new Cache({ clock: 'frozen' });

const options: CacheOptions = { driver: 'memory', config: { maxSize: 1 } };
typeOf(await createCacheManager(options)).is<Cache>();
typeOf(createMemoryCache({ maxSize: 1, name: 'app' })).is<Cache>();
typeOf(await initCache(options)).is<Cache>();
typeOf(getCache()).is<Cache>();
typeOf(await closeCache()).is<void>();
// @ts-expect-error the shorthand takes the driver's configuration flat
createMemoryCache({ config: { maxSize: 1 } });

// The names of @veloxts/cache.
const velox: CacheManagerOptions = options;
const config: CacheConfig = { driver: 'memory', maxSize: 1 };
const memory: MemoryCacheConfig = config;
const manager: CacheManager = new Cache(velox);
const store: CacheStore = manager;
const taggable: TaggableCacheStore = manager;
typeOf(memory.driver).is<'memory'>();
typeOf(await store.get<string>('k')).is<string | null>();
typeOf(taggable.tags(['a']).names).is<readonly string[]>();

typeOf(await manager.stats()).is<CacheStats>();
manager.clock.advance('1h');
// @ts-expect-error time moves by a duration
manager.clock.advance('tomorrow');
