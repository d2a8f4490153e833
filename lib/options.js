'use strict';

/**
 * Options: what may be given, its defaults, and what is wrong with what was given.
 *
 * Nothing is ignored: an option that is not known is an error with a suggestion.
 */

const { makeError, describe } = require('./errors.js');
const { checkTags } = require('./check.js');
const checks = require('./option-checks.js');
const { COUCHDB_OPTIONS, checkCouchDb, checkCouchDbPrefix } = require('./couchdb-options.js');
const { REDIS_OPTIONS, checkRedis, checkRedisPrefix } = require('./redis-options.js');
const { TIERED_OPTIONS, checkTiered, tiersOf } = require('./tiered-options.js');
const { toMillis } = require('./ttl.js');

const { atLeast, boolean, checkOptions, defined, duration, logger, mistyped, oneOf, optional } = checks;
const { prefix, record, text, wrong } = checks;

/** Has the memory driver reached by batches, as a backend is: for the tests. */
const BATCHED = Symbol.for('ferrocache.batched');

const BASE = [
  'driver',
  'config',
  'defaultTtl',
  'prefix',
  'name',
  'clock',
  'failOpen',
  'hardTimeout',
  'logger',
];
const PLUGIN = ['namespace', 'decorator', 'ready', 'lens'];
const REMEMBER = ['ttl', 'tags', 'grace', 'timeout', 'hardTimeout', 'signal'];
const MEMORY = ['maxSize', 'maxSizeBytes', 'policy', 'hot', 'isolation', 'defaultTtl', 'prefix'];
const HOT = ['maxEntries', 'maxBytes'];

/** The options of `config`, by the driver. */
const CONFIG = {
  memory: MEMORY,
  redis: REDIS_OPTIONS,
  couchdb: COUCHDB_OPTIONS,
  tiered: TIERED_OPTIONS,
};
const DRIVERS = Object.keys(CONFIG);
const IN_CONFIG = Object.values(CONFIG).flat();

/** The drivers of a backend. */
const BACKENDS = {
  redis: { called: 'Redis', check: checkRedis, checkPrefix: checkRedisPrefix },
  couchdb: { called: 'CouchDB', check: checkCouchDb, checkPrefix: checkCouchDbPrefix },
};

const DEFAULT_TTL = '1h';
const DEFAULT_HARD_TIMEOUT = '30s';

/** Operations of one `putMany` that are under way at once. */
const MOST_AT_ONCE = 1000;
/** How long closing waits for a store that is reached by batches and has no bound of its own; milliseconds. */
const DEFAULT_COMMAND_TIMEOUT = 1000;

/** The byte bound of a memory store where none is said; as src/core/driver/memory/container.rs has it. */
const DEFAULT_BYTES = 64 * 1024 * 1024;
/** Values that are kept decoded at most, and their part of the store's bytes, where nothing is said. */
const DEFAULT_HOT_ENTRIES = 16_384;
const HOT_SHARE = 4;

/** Smallest byte bound that holds anything: an entry's overhead alone is some hundred bytes. */
const LEAST_BYTES = 1024;

/**
 * @typedef {object} CheckedOptions
 * @property {import('../index.js').CacheDriver} driver
 * @property {string | undefined} name
 * @property {string} prefix
 * @property {number} ttl milliseconds
 * @property {number} hardTimeout milliseconds
 * @property {boolean} failOpen
 * @property {boolean} manualClock
 * @property {import('../index.js').CacheLogger | undefined} logger
 * @property {import('../index.js').CacheTier} tier the tier that is written, and that reads come from at last
 * @property {boolean} remote whether the store is reached by batches
 * @property {boolean} tiered whether this process has a tier above it
 * @property {number} commandTimeout milliseconds; the bound of one command on a backend
 * @property {number} atOnce operations of one call that are under way at once on a backend
 * @property {boolean} frozen whether plain values are handed out frozen
 * @property {HotTerms | undefined} hot the hot tier, if there is one
 * @property {object} native what the core is opened with
 */

/**
 * The hot tier of a session.
 * @typedef {{ most: { entries: number; bytes: number }; frozen: boolean }} HotTerms
 */

/**
 * @param {unknown} options
 * @returns {CheckedOptions}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function checkCacheOptions(options = {}) {
  const given = record(options, 'options');
  checkOptions(given, BASE, 'a cache', wrong, BASE, IN_CONFIG);
  const driver = /** @type {import('../index.js').CacheDriver} */ (
    oneOf(given.driver ?? 'memory', DRIVERS, 'driver')
  );
  const config = given.config === undefined ? {} : record(given.config, 'config');
  checkOptions(config, CONFIG[driver], `config of the ${driver} driver`, wrong);
  const name = optional(given.name, text, 'name');
  const manualClock = oneOf(given.clock ?? 'system', ['system', 'manual'], 'clock') === 'manual';
  const tiers = driver === 'tiered' ? tiersOf(config, Object.keys(BACKENDS)) : undefined;
  const { prefix: inConfig, defaultTtl } = tiers ?? config;
  const keyPrefix = optional(inConfig ?? given.prefix, prefix, 'prefix');
  return {
    driver,
    name,
    ttl: duration(defaultTtl ?? given.defaultTtl ?? DEFAULT_TTL, 'defaultTtl'),
    hardTimeout: duration(given.hardTimeout ?? DEFAULT_HARD_TIMEOUT, 'hardTimeout'),
    failOpen: optional(given.failOpen, boolean, 'failOpen') ?? true,
    manualClock,
    logger: optional(given.logger, logger, 'logger'),
    ...(tiers !== undefined
      ? tieredStore(name, manualClock, keyPrefix, config, tiers)
      : driver === 'memory'
        ? memoryStore(name, manualClock, keyPrefix, config, Reflect.get(given, BATCHED) === true)
        : remoteStore(/** @type {keyof typeof BACKENDS} */ (driver), name, manualClock, keyPrefix, config)),
  };
}

/**
 * @param {string | undefined} name
 * @param {boolean} manualClock
 * @param {string | undefined} keyPrefix
 * @param {Record<string, unknown>} config
 * @param {boolean} batched
 */
function memoryStore(name, manualClock, keyPrefix, config, batched) {
  const bounds = boundsOf(config, 'config');
  return {
    ...handedOut(config, 'config', bounds, batched),
    tier: /** @type {const} */ ('memory'),
    prefix: keyPrefix ?? '',
    remote: batched,
    tiered: false,
    commandTimeout: DEFAULT_COMMAND_TIMEOUT,
    atOnce: MOST_AT_ONCE,
    native: defined({ name, manualClock, ...bounds, batched: batched || undefined }),
  };
}

/**
 * How values are handed out of memory.
 *
 * @param {Record<string, unknown>} given
 * @param {string} where
 * @param {ReturnType<typeof boundsOf>} bounds those of the memory
 * @param {boolean} batched
 * @returns {Pick<CheckedOptions, 'frozen' | 'hot'>}
 */
function handedOut({ isolation, hot }, where, bounds, batched) {
  const checked = optional(
    isolation,
    (value, at) => oneOf(value, ['copy', 'frozen'], at),
    `${where}.isolation`,
  );
  const frozen = checked === 'frozen';
  const most = hotTier(hot, `${where}.hot`, bounds);
  return { frozen, hot: most === undefined || batched ? undefined : { most, frozen } };
}

/**
 * The bounds of the hot tier; `undefined` if there is to be none.
 *
 * @param {unknown} hot
 * @param {string} where
 * @param {ReturnType<typeof boundsOf>} bounds those of the memory
 */
function hotTier(hot, where, { maxSize = Infinity, maxSizeBytes = DEFAULT_BYTES }) {
  if (hot === false) return undefined;
  if (hot !== undefined && (typeof hot !== 'object' || hot === null || Array.isArray(hot))) {
    throw mistyped(where, 'false or an object', hot);
  }
  const given = /** @type {Record<string, unknown>} */ (hot ?? {});
  checkOptions(given, HOT, where, wrong);
  /** @param {string} name @param {number} usual */
  const most = (name, usual) => atLeast(given[name] ?? usual, 1, `${where}.${name}`);
  return {
    entries: most('maxEntries', Math.min(DEFAULT_HOT_ENTRIES, maxSize)),
    bytes: most('maxBytes', Math.floor(maxSizeBytes / HOT_SHARE)),
  };
}

/**
 * The bounds of a memory store.
 *
 * @param {Record<string, unknown>} given
 * @param {string} where
 */
function boundsOf({ maxSize, maxSizeBytes, policy }, where) {
  return defined({
    maxSize: optional(maxSize, (value, at) => atLeast(value, 1, at), `${where}.maxSize`),
    maxSizeBytes: optional(
      maxSizeBytes,
      (value, at) => atLeast(value, LEAST_BYTES, at),
      `${where}.maxSizeBytes`,
    ),
    policy: optional(policy, (value, at) => oneOf(value, ['lru', 'tinylfu'], at), `${where}.policy`),
  });
}

/**
 * @param {string | undefined} name
 * @param {boolean} manualClock
 * @param {string | undefined} keyPrefix
 * @param {Record<string, unknown>} config
 * @param {ReturnType<typeof tiersOf>} tiers
 */
function tieredStore(name, manualClock, keyPrefix, config, { upper, remote, driver }) {
  checkOptions(
    remote,
    CONFIG[/** @type {keyof typeof CONFIG} */ (driver)],
    `config.remote of the ${driver} driver`,
    wrong,
  );
  const lower = remoteStore(
    /** @type {keyof typeof BACKENDS} */ (driver),
    name,
    manualClock,
    keyPrefix,
    remote,
  );
  const bounds = boundsOf(upper, 'config.memory');
  const tiered = checkTiered(config, upper, lower.prefix);
  const out = handedOut(upper, 'config.memory', bounds, false);
  return { ...lower, ...out, tiered: true, native: { ...lower.native, ...bounds, tiered } };
}

/**
 * @param {keyof typeof BACKENDS} driver
 * @param {string | undefined} name
 * @param {boolean} manualClock
 * @param {string | undefined} keyPrefix
 * @param {Record<string, unknown>} config
 */
function remoteStore(driver, name, manualClock, keyPrefix, config) {
  const { called, check, checkPrefix } = BACKENDS[driver];
  if (manualClock) {
    throw wrong(`clock: 'manual' is for the memory driver: nobody can move the time of a ${called} server`);
  }
  const checked = check(config);
  return {
    tier: driver,
    prefix: checkPrefix(keyPrefix),
    frozen: false,
    hot: undefined,
    remote: true,
    tiered: false,
    commandTimeout: checked.commandTimeout,
    // The queue is the app's: one call never fills it.
    atOnce: Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(checked.maxQueue / 2))),
    native: defined({ name, [driver]: checked }),
  };
}

/**
 * Options of the plugin: those of its own, and those of the cache, checked.
 *
 * @param {unknown} options
 * @returns {{ cache: import('../index.js').CacheOptions; plugin: { namespace: string | undefined; decorator: string; ready: boolean; lens: import('../index.js').LensOptions } }}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function validatePluginOptions(options = {}) {
  const given = record(options, 'options');
  // Fastify hands its own register options to the plugin too.
  const {
    namespace,
    decorator,
    ready,
    lens,
    logLevel: _level,
    logSerializers: _serializers,
    ...cache
  } = given;
  checkOptions(cache, BASE, 'the cache plugin', wrong, [...BASE, ...PLUGIN], IN_CONFIG);
  checkCacheOptions(cache);
  return {
    cache: /** @type {import('../index.js').CacheOptions} */ (cache),
    plugin: {
      namespace: optional(namespace, text, 'namespace'),
      decorator: optional(decorator, text, 'decorator') ?? 'cache',
      ready: optional(ready, boolean, 'ready') ?? false,
      lens: /** @type {import('../index.js').LensOptions} */ (optional(lens, lensOptions, 'lens') ?? false),
    },
  };
}

/**
 * @param {number} ttl
 * @param {number} hardTimeout
 * @returns {RememberTerms}
 */
const termsOf = (ttl, hardTimeout) => ({
  ttl,
  grace: 0,
  timeout: undefined,
  hardTimeout,
  tags: NO_TAGS,
  signal: undefined,
});

/**
 * @param {unknown} value
 * @param {string} at
 */
function positive(value, at) {
  const millis = toMillis(value);
  if (millis === 0) throw makeError('CACHE_INVALID_TTL', `${at} must be more than 0`);
  return millis;
}

/**
 * What a `remember` runs under; durations in milliseconds.
 * @typedef {object} RememberTerms
 * @property {number} ttl
 * @property {number} grace
 * @property {number | undefined} timeout
 * @property {number} hardTimeout
 * @property {readonly string[]} tags as given
 * @property {AbortSignal | undefined} signal
 */

/** @type {readonly string[]} */
const NO_TAGS = Object.freeze([]);

/**
 * @param {unknown} options a TTL, or options
 * @param {CheckedOptions} defaults
 * @returns {RememberTerms}
 * @throws {import('../index.js').CacheError} CACHE_INVALID_TTL, CACHE_INVALID_ARGUMENT
 */
function checkRemember(options, { ttl, hardTimeout }) {
  if (options === undefined || options === null) return termsOf(ttl, hardTimeout);
  if (typeof options !== 'object' || Array.isArray(options)) return termsOf(toMillis(options), hardTimeout);
  const given = /** @type {import('../index.js').RememberOptions} */ (options);
  checkOptions(given, REMEMBER, 'remember');
  if (given.signal !== undefined && !(given.signal instanceof AbortSignal)) {
    throw makeError('CACHE_INVALID_ARGUMENT', `signal must be an AbortSignal, not ${describe(given.signal)}`);
  }
  return {
    ttl: given.ttl == null ? ttl : toMillis(given.ttl),
    grace: given.grace == null ? 0 : toMillis(given.grace),
    timeout: given.timeout == null ? undefined : toMillis(given.timeout),
    hardTimeout: given.hardTimeout == null ? hardTimeout : positive(given.hardTimeout, 'hardTimeout'),
    tags: given.tags === undefined ? NO_TAGS : checkTags(given.tags),
    signal: given.signal,
  };
}

/**
 * @param {unknown} value
 * @param {string} at
 */
function lensOptions(value, at) {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null) throw mistyped(at, 'a boolean or an object', value);
  const given = record(value, at);
  checkOptions(given, ['emitCacheEvent', 'emitter', 'context', 'maxEventsPerSecond'], at, wrong);
  const { emitCacheEvent, emitter } = given;
  const emits = typeof (/** @type {{ emit?: unknown }} */ (emitter ?? {}).emit) === 'function';
  if (typeof emitCacheEvent !== 'function' && !emits) {
    throw wrong(`${at} must be true, or hold emitCacheEvent (a function) or emitter (Lens's lensEmitter)`);
  }
  optional(given.maxEventsPerSecond, (most, where) => atLeast(most, 1, where), `${at}.maxEventsPerSecond`);
  return value;
}

module.exports = { checkCacheOptions, validatePluginOptions, checkRemember };
