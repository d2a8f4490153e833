// The options of a cache, discriminated by the driver.

import {
  COUCHDB_DRIVER,
  Cache,
  MEMORY_DRIVER,
  REDIS_DRIVER,
  createCacheManager,
  createCouchdbCache,
  createMemoryCache,
  createRedisCache,
  initCache,
  getCache,
  closeCache,
  type CacheConfig,
  type CacheConnection,
  type CacheManager,
  type CacheManagerOptions,
  type CacheOptions,
  type CacheStats,
  type CacheStore,
  type CouchDbCacheConfig,
  type CouchDbCacheOptions,
  type CouchDbTls,
  type MemoryCacheConfig,
  type RedisCacheConfig,
  type RedisCacheOptions,
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
new Cache({ config: { hot: false, isolation: 'frozen' } });
new Cache({ config: { hot: { maxEntries: 100, maxBytes: 1_000_000 } } });
// @ts-expect-error the hot tier is on unless it is switched off
new Cache({ config: { hot: true } });
// @ts-expect-error an unknown isolation
new Cache({ config: { isolation: 'freeze' } });
// @ts-expect-error an unknown policy
new Cache({ config: { policy: 'fifo' } });
// @ts-expect-error a default that is no duration
new Cache({ defaultTtl: '5 minutes' });
// @ts-expect-error half a logger
new Cache({ logger: { warn() {} } });
// @ts-expect-error an unknown clock
new Cache({ clock: 'frozen' });

new Cache({ driver: 'redis' });
new Cache({ driver: REDIS_DRIVER, config: { url: 'redis://user:password@host:6379/0' } });
new Cache({
  driver: 'redis',
  failOpen: false,
  config: {
    ...{ host: 'cache', port: 6379, username: 'app', password: 'secret', db: 1 },
    tls: { ca: ['-----BEGIN CERTIFICATE-----'], servername: 'cache', rejectUnauthorized: true },
    ...{ prefix: 'app:', defaultTtl: '5m', compress: false, maxValueBytes: 1e6 },
    ...{ connectTimeout: '1s', commandTimeout: 0.5, maxQueue: 100, breakerThreshold: 1 },
    ...{ reconnectDelay: '10ms', maxReconnectDelay: '1s', leaseTtl: '3s' },
  },
});
new Cache({ driver: 'redis', config: { path: '/run/redis.sock', tls: false, compress: 1024 } });
new Cache({ driver: 'redis', config: { cluster: { nodes: ['a:1', { host: 'b' }, 'rediss://c'] } } });
new Cache({ driver: 'redis', config: { sentinel: { name: 'main', nodes: ['a'], password: 'secret' } } });

// @ts-expect-error nobody moves the time of a server
new Cache({ driver: 'redis', clock: 'manual' });
// @ts-expect-error an option of the memory driver
new Cache({ driver: 'redis', config: { maxSize: 1 } });
// @ts-expect-error an option of the configuration in the wrong place
new Cache({ driver: 'redis', url: 'redis://localhost' });
// @ts-expect-error a port is a number
new Cache({ driver: 'redis', config: { port: '6379' } });
// @ts-expect-error true would not say from how many bytes on
new Cache({ driver: 'redis', config: { compress: true } });
// @ts-expect-error Sentinels watch a master by its name
new Cache({ driver: 'redis', config: { sentinel: { nodes: ['a'] } } });
// @ts-expect-error a duration
new Cache({ driver: 'redis', config: { commandTimeout: '1 second' } });

new Cache({ driver: 'couchdb' });
new Cache({ driver: COUCHDB_DRIVER, config: { url: 'http://user:password@host:5984' } });
new Cache({
  driver: 'couchdb',
  failOpen: false,
  config: {
    ...{ url: 'https://host/couch', database: 'app-cache', username: 'app', password: 'secret' },
    tls: { ca: ['-----BEGIN CERTIFICATE-----'], rejectUnauthorized: true },
    ...{ prefix: '', defaultTtl: '5m', maxValueBytes: 1e6, revsLimit: 5 },
    ...{ connectTimeout: '1s', commandTimeout: 0.5, maxQueue: 100, breakerThreshold: 1 },
    ...{ reconnectDelay: '10ms', maxReconnectDelay: '1s', leaseTtl: '3s', sweep: '10m' },
  },
});
new Cache({ driver: 'couchdb', config: { tls: false, sweep: false } });

// @ts-expect-error nobody moves the time of a server
new Cache({ driver: 'couchdb', clock: 'manual' });
// @ts-expect-error an option of the memory driver
new Cache({ driver: 'couchdb', config: { maxSize: 1 } });
// @ts-expect-error an option of the Redis driver
new Cache({ driver: 'couchdb', config: { host: 'localhost' } });
// @ts-expect-error an option of the CouchDB driver
new Cache({ driver: 'redis', config: { database: 'cache' } });
// @ts-expect-error an option of the configuration in the wrong place
new Cache({ driver: 'couchdb', database: 'cache' });
// @ts-expect-error the certificate has the host of the URL
new Cache({ driver: 'couchdb', config: { tls: { servername: 'host' } } });
// @ts-expect-error true would not say how often
new Cache({ driver: 'couchdb', config: { sweep: true } });
// @ts-expect-error a number
new Cache({ driver: 'couchdb', config: { revsLimit: '20' } });
// @ts-expect-error a duration
new Cache({ driver: 'couchdb', config: { sweep: '1 hour' } });

new Cache({ driver: 'tiered', config: { remote: { driver: 'redis', url: 'redis://cache' } } });
new Cache({
  driver: 'tiered',
  config: {
    memory: { maxSize: 1000, maxSizeBytes: 1_000_000, policy: 'tinylfu', ttl: '5m' },
    remote: { driver: 'couchdb', url: 'http://localhost:5984', database: 'cache' },
    maxStaleness: '2s',
    prefix: 'app:',
    defaultTtl: '1h',
  },
});
new Cache({ driver: 'tiered', config: { remote: { driver: 'redis' }, maxStaleness: 0 } });
// @ts-expect-error a lower tier is needed
new Cache({ driver: 'tiered' });
// @ts-expect-error which is a backend
new Cache({ driver: 'tiered', config: { remote: { driver: 'memory' } } });
// @ts-expect-error whose options it has
new Cache({ driver: 'tiered', config: { remote: { driver: 'redis', sweep: false } } });
void new Cache().get('key', { fresh: true });
// @ts-expect-error no such option
void new Cache().get('key', { stale: true });

const options: CacheOptions = { driver: 'memory', config: { maxSize: 1 } };
typeOf(await createCacheManager(options)).is<Cache>();
typeOf(createMemoryCache({ maxSize: 1, name: 'app' })).is<Cache>();
typeOf(await initCache(options)).is<Cache>();
typeOf(getCache()).is<Cache>();
typeOf(await closeCache()).is<void>();
typeOf(await createRedisCache({ url: 'redis://localhost', failOpen: false, name: 'app' })).is<Cache>();
typeOf(await createRedisCache()).is<Cache>();
typeOf(await createCouchdbCache({ url: 'http://localhost:5984', failOpen: false })).is<Cache>();
typeOf(await createCouchdbCache()).is<Cache>();
// @ts-expect-error of another driver
void createRedisCache({ driver: 'memory' });
// @ts-expect-error of another driver
void createCouchdbCache({ driver: 'redis' });
// @ts-expect-error the shorthand takes the driver's configuration flat
createMemoryCache({ config: { maxSize: 1 } });

// The names of @veloxts/cache.
const velox: CacheManagerOptions = options;
const config: CacheConfig = { driver: 'memory', maxSize: 1 };
const memory: MemoryCacheConfig = config;
const redis: RedisCacheConfig = { driver: 'redis', url: 'redis://localhost', db: 1 };
const couchdb: CouchDbCacheConfig = { driver: 'couchdb', url: 'http://localhost:5984', sweep: false };
const every: CacheConfig[] = [memory, redis, couchdb];
typeOf(every.map(({ driver }) => driver)).is<('memory' | 'redis' | 'couchdb')[]>();
const onRedis: RedisCacheOptions = { driver: 'redis', config: { url: 'redis://localhost' } };
new Cache(onRedis);
const tls: CouchDbTls = { rejectUnauthorized: false };
const onCouchDb: CouchDbCacheOptions = { driver: 'couchdb', config: { url: 'https://localhost', tls } };
new Cache(onCouchDb);
const manager: CacheManager = new Cache(velox);
const store: CacheStore = manager;
const taggable: TaggableCacheStore = manager;
typeOf(memory.driver).is<'memory'>();
typeOf(await store.get<string>('k')).is<string | null>();
typeOf(taggable.tags(['a']).names).is<readonly string[]>();

const stats = await manager.stats();
typeOf(stats).is<CacheStats>();
typeOf(stats.entries).is<number | null>();
typeOf(stats.flights).is<number>();
typeOf(stats.connection).is<CacheConnection | null>();
typeOf(stats.connection?.state).is<'connecting' | 'up' | 'down' | undefined>();
manager.clock.advance('1h');
// @ts-expect-error time moves by a duration
manager.clock.advance('tomorrow');
