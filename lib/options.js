'use strict';

/**
 * Options: what may be given, its defaults, and what is wrong with what was given.
 *
 * Nothing is ignored: an option that is not known is an error with a suggestion.
 */

const { makeError, describe } = require('./errors.js');
const { checkTags } = require('./check.js');
const { toMillis } = require('./ttl.js');

const DRIVERS = ['memory'];
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
const MEMORY = ['maxSize', 'maxSizeBytes', 'policy', 'defaultTtl', 'prefix'];

const DEFAULT_TTL = '1h';
const DEFAULT_HARD_TIMEOUT = '30s';

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
 * @property {object} native what the core is opened with
 */

/** @param {string} message */
const wrong = (message) => makeError('CACHE_CONFIG', message);

/**
 * @param {unknown} options
 * @returns {CheckedOptions}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function checkCacheOptions(options = {}) {
  const given = record(options, 'options');
  checkOptions(given, BASE, 'a cache', wrong);
  const driver = oneOf(given.driver ?? 'memory', DRIVERS, 'driver');
  const config = given.config === undefined ? {} : record(given.config, 'config');
  checkOptions(config, MEMORY, `config of the ${driver} driver`, wrong);
  const name = optional(given.name, text, 'name');
  const manualClock = oneOf(given.clock ?? 'system', ['system', 'manual'], 'clock') === 'manual';
  return {
    driver: /** @type {import('../index.js').CacheDriver} */ (driver),
    name,
    prefix: optional(config.prefix ?? given.prefix, prefix, 'prefix') ?? '',
    ttl: duration(config.defaultTtl ?? given.defaultTtl ?? DEFAULT_TTL, 'defaultTtl'),
    hardTimeout: duration(given.hardTimeout ?? DEFAULT_HARD_TIMEOUT, 'hardTimeout'),
    failOpen: optional(given.failOpen, boolean, 'failOpen') ?? true,
    manualClock,
    logger: optional(given.logger, logger, 'logger'),
    native: defined({
      name,
      manualClock,
      maxSize: optional(config.maxSize, (value, at) => atLeast(value, 1, at), 'config.maxSize'),
      maxSizeBytes: optional(
        config.maxSizeBytes,
        (value, at) => atLeast(value, LEAST_BYTES, at),
        'config.maxSizeBytes',
      ),
      policy: optional(config.policy, (value, at) => oneOf(value, ['lru', 'tinylfu'], at), 'config.policy'),
    }),
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
  checkOptions(cache, BASE, 'the cache plugin', wrong, [...BASE, ...PLUGIN]);
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

/**
 * Refuses an option that is not known.
 *
 * @param {object} given
 * @param {readonly string[]} known
 * @param {string} of whose options they are
 * @param {(message: string) => Error} error
 * @param {readonly string[]} suggested the names to suggest, if other than the known
 */
function checkOptions(
  given,
  known,
  of,
  error = (message) => makeError('CACHE_INVALID_ARGUMENT', message),
  suggested = known,
) {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = MEMORY.includes(name) && known === BASE ? `config.${name}` : nearest(name, suggested);
    const hint = near === undefined ? `expected ${suggested.join(', ')}` : `did you mean '${near}'?`;
    throw error(`'${name}' is no option of ${of}; ${hint}`);
  }
}

/**
 * @param {unknown} value
 * @param {string} at
 * @returns {Record<string, unknown>}
 */
function record(value, at) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mistyped(at, 'an object', value);
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @template T
 * @param {unknown} value
 * @param {(value: unknown, at: string) => T} check
 * @param {string} at
 */
function optional(value, check, at) {
  return value === undefined ? undefined : check(value, at);
}

/** @param {unknown} value @param {string} at */
function text(value, at) {
  if (typeof value !== 'string' || value === '') throw mistyped(at, 'a non-empty string', value);
  return value;
}

/** @param {unknown} value @param {string} at */
function prefix(value, at) {
  if (typeof value !== 'string') throw mistyped(at, 'a string', value);
  if (!value.isWellFormed()) throw wrong(`${at} must be well-formed Unicode, without a lone surrogate`);
  return value;
}

/** @param {unknown} value @param {string} at */
function boolean(value, at) {
  if (typeof value !== 'boolean') throw mistyped(at, 'a boolean', value);
  return value;
}

/** @param {unknown} value @param {number} least @param {string} at */
function atLeast(value, least, at) {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw mistyped(at, `an integer of at least ${least}`, value);
  }
  return value;
}

/** @param {unknown} value @param {string} at */
function logger(value, at) {
  const { warn, error } = /** @type {{ warn?: unknown; error?: unknown }} */ (value ?? {});
  if (typeof warn !== 'function' || typeof error !== 'function') {
    throw mistyped(at, 'an object with the methods warn and error', value);
  }
  return /** @type {import('../index.js').CacheLogger} */ (value);
}

/** @param {unknown} value @param {readonly string[]} names @param {string} at */
function oneOf(value, names, at) {
  if (typeof value === 'string' && names.includes(value)) return value;
  const near = typeof value === 'string' ? nearest(value, names) : undefined;
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  const given = typeof value === 'string' ? `'${value.slice(0, 100)}'` : describe(value);
  throw wrong(`${at} must be ${names.map((name) => `'${name}'`).join(' or ')}, not ${given}${hint}`);
}

/** @param {unknown} value @param {string} at */
function duration(value, at) {
  try {
    const millis = toMillis(value);
    if (millis > 0) return millis;
  } catch (cause) {
    throw makeError('CACHE_CONFIG', `${at}: ${/** @type {Error} */ (cause).message}`, { cause });
  }
  throw wrong(`${at} must be more than 0`);
}

/** @param {string} at @param {string} expected @param {unknown} value */
const mistyped = (at, expected, value) =>
  wrong(`${at} must be ${expected}, not ${value === '' ? 'an empty string' : describe(value)}`);

/** @param {object} object */
const defined = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/**
 * The name that was probably meant: at most a third of its letters are to be changed.
 *
 * @param {string} name
 * @param {readonly string[]} known
 */
function nearest(name, known) {
  let best;
  let least = Infinity;
  for (const candidate of known) {
    const distance = edits(name.slice(0, 40).toLowerCase(), candidate.toLowerCase());
    if (distance < least && distance <= Math.ceil(candidate.length / 3)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/**
 * How many letters are to be added, removed or replaced to make `b` of `a` (Levenshtein).
 *
 * @param {string} a
 * @param {string} b
 */
function edits(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

module.exports = { checkCacheOptions, validatePluginOptions, checkOptions, checkRemember };
