'use strict';

/**
 * The public entry. CommonJS, so that `require` and named ESM imports both work (Node reads the names off the
 * assignments below); the module itself is the plugin, so that it is the default import.
 */

const { Cache } = require('./lib/cache.js');
const errors = require('./lib/errors.js');
const { cachePlugin } = require('./lib/plugin.js');
const standalone = require('./lib/standalone.js');
const ttl = require('./lib/ttl.js');

module.exports = cachePlugin;
module.exports.default = cachePlugin;
module.exports.cachePlugin = cachePlugin;

module.exports.Cache = Cache;
module.exports.CacheError = errors.CacheError;
module.exports.CacheTimeoutError = errors.CacheTimeoutError;
module.exports.CacheClosedError = errors.CacheClosedError;
module.exports.CacheLockError = errors.CacheLockError;
module.exports.CacheArgumentError = errors.CacheArgumentError;

module.exports.createCacheManager = standalone.createCacheManager;
module.exports.cache = standalone.cache;
module.exports.createMemoryCache = standalone.createMemoryCache;
module.exports.createRedisCache = standalone.createRedisCache;
module.exports.createCouchdbCache = standalone.createCouchdbCache;
module.exports.initCache = standalone.initCache;
module.exports.getCache = standalone.getCache;
module.exports.closeCache = standalone.closeCache;
module.exports.getCacheFromInstance = standalone.getCacheFromInstance;

module.exports.parseTtl = ttl.parseTtl;
module.exports.parseTtlMs = ttl.parseTtlMs;
module.exports.formatTtl = ttl.formatTtl;
module.exports.isDurationString = ttl.isDurationString;

module.exports.MEMORY_DRIVER = 'memory';
module.exports.REDIS_DRIVER = 'redis';
module.exports.COUCHDB_DRIVER = 'couchdb';
module.exports.TIERED_DRIVER = 'tiered';
