'use strict';

/**
 * Caches outside of a Fastify app: the factory functions, and the process's one standalone cache for
 * commands and jobs.
 */

const { Cache } = require('./cache.js');
const { makeError } = require('./errors.js');
const { findCache } = require('./plugin-slots.js');

/**
 * @typedef {import('../index.js').Cache} AnyCache
 * @typedef {import('../index.js').CacheOptions} CacheOptions
 * @typedef {import('../index.js').MemoryConfig} MemoryConfig
 * @typedef {import('../index.js').CacheBaseOptions} CacheBaseOptions
 */

/**
 * The standalone cache, and the promise that it is ready.
 *
 * @type {{ cache: AnyCache, ready: Promise<AnyCache> } | undefined}
 */
let standalone;

/**
 * @param {AnyCache} cache
 * @returns {Promise<AnyCache>} the cache, once its driver can serve; if it cannot, the cache is closed
 */
async function whenReady(cache) {
  try {
    await cache.ready();
    return cache;
  } catch (error) {
    await cache.close().catch(() => {});
    throw error;
  }
}

/**
 * A new cache, once its driver can serve.
 *
 * @param {CacheOptions} [options] by default the memory driver, up to 64 MiB
 * @returns {Promise<AnyCache>} rejects with `CACHE_CONFIG` on bad options, and with what `ready()`
 *   rejects with
 */
async function createCacheManager(options) {
  return whenReady(new Cache(options));
}

/**
 * A new cache on the memory driver.
 *
 * @param {MemoryConfig & Pick<CacheBaseOptions, 'name' | 'clock' | 'logger'> & { driver?: 'memory' }} [config]
 *   the driver's configuration, with `name`, `clock` and `logger` beside it
 * @returns {AnyCache}
 * @throws {import('../index.js').CacheError} `CACHE_CONFIG`
 */
function createMemoryCache(config) {
  return new Cache(unfolded('memory', config));
}

/**
 * Options of a cache, from a driver's configuration with some of the options beside it.
 *
 * @param {import('../index.js').CacheDriver} usual
 * @param {unknown} config
 * @returns {CacheOptions}
 */
function unfolded(usual, config) {
  if (config === undefined || config === null) return /** @type {CacheOptions} */ ({ driver: usual });
  // Whatever it is instead of an object, the check of the options names it.
  if (typeof config !== 'object') return /** @type {CacheOptions} */ ({ driver: usual, config });
  const { driver, name, clock, logger, failOpen, ...rest } = /** @type {any} */ (config);
  if (driver !== undefined && driver !== usual) {
    throw makeError('CACHE_CONFIG', `driver must be '${usual}' here, or left out`);
  }
  return {
    driver: usual,
    config: rest,
    ...(name !== undefined && { name }),
    ...(clock !== undefined && { clock }),
    ...(logger !== undefined && { logger }),
    ...(failOpen !== undefined && { failOpen }),
  };
}

/**
 * The process's standalone cache, made on first use; later options are ignored until
 * {@link closeCache}.
 *
 * @param {CacheOptions} [options]
 * @returns {Promise<AnyCache>} rejects as {@link createCacheManager} does, and can then be tried again
 */
async function initCache(options) {
  if (standalone === undefined || standalone.cache.closed) {
    const cache = new Cache(options);
    const entry = { cache, ready: whenReady(cache) };
    standalone = entry;
    entry.ready.catch(() => {
      if (standalone === entry) standalone = undefined;
    });
  }
  return standalone.ready;
}

/**
 * The standalone cache.
 *
 * @returns {AnyCache}
 * @throws {import('../index.js').CacheError} `CACHE_CONFIG` before {@link initCache} and after {@link closeCache}
 */
function getCache() {
  if (standalone === undefined) {
    throw makeError(
      'CACHE_CONFIG',
      'there is no standalone cache: call `await initCache()` first (in a Fastify app: ' +
        '`fastify.cache`, or `getCacheFromInstance(fastify)`)',
    );
  }
  return standalone.cache;
}

/**
 * Closes the standalone cache. Without one it does nothing.
 *
 * @returns {Promise<void>}
 */
async function closeCache() {
  const entry = standalone;
  standalone = undefined;
  await entry?.cache.close();
}

/**
 * The cache that the plugin registered on this instance or on a parent of it.
 *
 * @param {import('../index.js').FastifyLike} instance
 * @param {string} [namespace] the `namespace` option that the plugin was registered with
 * @returns {AnyCache}
 * @throws {import('../index.js').CacheError} `CACHE_PLUGIN` if there is none
 */
function getCacheFromInstance(instance, namespace) {
  const found =
    instance !== null && (typeof instance === 'object' || typeof instance === 'function')
      ? findCache(instance, namespace)
      : undefined;
  if (found === undefined) {
    throw makeError(
      'CACHE_PLUGIN',
      namespace === undefined
        ? 'no cache is registered on this Fastify instance: register `cachePlugin` first, and await it'
        : `no cache with the namespace \`${namespace}\` is registered on this Fastify instance`,
    );
  }
  return found;
}

/**
 * A new cache on the Redis driver, once it can serve.
 *
 * @param {import('../index.js').RedisConfig & Pick<CacheBaseOptions, 'name' | 'failOpen' | 'logger'> & { driver?: 'redis' }} [config]
 *   the driver's configuration, with `name`, `failOpen` and `logger` beside it
 * @returns {Promise<AnyCache>} rejects as {@link createCacheManager} does
 */
async function createRedisCache(config) {
  return createCacheManager(unfolded('redis', config));
}

/**
 * A new cache on the CouchDB driver, once it can serve.
 *
 * @param {import('../index.js').CouchDbConfig & Pick<CacheBaseOptions, 'name' | 'failOpen' | 'logger'> & { driver?: 'couchdb' }} [config]
 *   the driver's configuration, with `name`, `failOpen` and `logger` beside it
 * @returns {Promise<AnyCache>} rejects as {@link createCacheManager} does
 */
async function createCouchdbCache(config) {
  return createCacheManager(unfolded('couchdb', config));
}

module.exports = {
  cache: createCacheManager,
  closeCache,
  createCacheManager,
  createCouchdbCache,
  createMemoryCache,
  createRedisCache,
  getCache,
  getCacheFromInstance,
  initCache,
};
