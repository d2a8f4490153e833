'use strict';

/**
 * The error classes, and the one place where a native failure becomes one of them.
 *
 * Messages say what was expected and what to do. They name options and types, never values or
 * credentials.
 */

const BRAND = Symbol.for('ferrocache.error');

/** @typedef {import('../index.js').CacheErrorCode} CacheErrorCode */

/** Every code, with the class that carries it. The base class carries the codes without one. */
class CacheError extends Error {
  /**
   * @param {CacheErrorCode} code
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }

  // By name and not by identity, so that a copy of the package (another version, a bundled one) agrees.
  static {
    Object.defineProperty(this.prototype, BRAND, { value: true });
    Object.defineProperty(this.prototype, 'name', { value: 'CacheError', configurable: true });
  }

  /** @param {unknown} value */
  static [Symbol.hasInstance](value) {
    if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
    if (this === CacheError) return true;
    const { name } = this.prototype;
    for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) {
      if (Object.hasOwn(at, 'name') && at.name === name) return true;
    }
    return false;
  }
}

class CacheTimeoutError extends CacheError {
  /**
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(message, options) {
    super('CACHE_TIMEOUT', message, options);
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'CacheTimeoutError', configurable: true });
  }
}

class CacheClosedError extends CacheError {
  /**
   * @param {string} message
   * @param {{ cause?: unknown }} [options]
   */
  constructor(message, options) {
    super('CACHE_CLOSED', message, options);
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'CacheClosedError', configurable: true });
  }
}

class CacheLockError extends CacheError {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'CacheLockError', configurable: true });
  }
}

class CacheArgumentError extends CacheError {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'CacheArgumentError', configurable: true });
  }
}

/** @param {string} message */
const closed = (message) => new CacheClosedError(message);
/** @param {string} message @param {{ cause?: unknown }} options */
const timeout = (message, options) => new CacheTimeoutError(message, options);
/** @param {CacheErrorCode} code */
const argument = (code) => (/** @type {string} */ message, /** @type {{ cause?: unknown }} */ options) =>
  new CacheArgumentError(code, message, options);

/**
 * The codes that have a class of their own.
 * @type {Record<string, (message: string, options: { cause?: unknown }) => CacheError>}
 */
const CLASSES = {
  CACHE_CLOSED: closed,
  CACHE_TIMEOUT: timeout,
  CACHE_CONFIG: argument('CACHE_CONFIG'),
  CACHE_INVALID_KEY: argument('CACHE_INVALID_KEY'),
  CACHE_INVALID_TTL: argument('CACHE_INVALID_TTL'),
  CACHE_INVALID_VALUE: argument('CACHE_INVALID_VALUE'),
  CACHE_INVALID_TAG: argument('CACHE_INVALID_TAG'),
  CACHE_INVALID_ARGUMENT: argument('CACHE_INVALID_ARGUMENT'),
};

/** Every literal that `error.code` can be. Equal to `CacheErrorCode` in index.d.ts, which a test checks. */
const ERROR_CODES = Object.freeze([
  'CACHE_CONFIG',
  'CACHE_INVALID_KEY',
  'CACHE_INVALID_TTL',
  'CACHE_INVALID_VALUE',
  'CACHE_INVALID_TAG',
  'CACHE_INVALID_ARGUMENT',
  'CACHE_NOT_A_NUMBER',
  'CACHE_NUMBER_RANGE',
  'CACHE_FACTORY',
  'CACHE_TIMEOUT',
  'CACHE_UNAVAILABLE',
  'CACHE_LOCK_TIMEOUT',
  'CACHE_LOCK_LOST',
  'CACHE_CLOSED',
  'CACHE_CORRUPT',
  'CACHE_PLUGIN',
  'CACHE_NATIVE',
  'CACHE_INTERNAL',
]);

/**
 * An error of the class that its code has.
 *
 * @param {CacheErrorCode} code
 * @param {string} message
 * @param {{ cause?: unknown }} [options]
 * @returns {CacheError}
 */
function makeError(code, message, options = {}) {
  return CLASSES[code]?.(message, options) ?? new CacheError(code, message, options);
}

/**
 * What to reject with: an error of ours as it is, a native one as one of ours, on the caller's stack.
 *
 * @param {unknown} error
 * @returns {Error}
 */
function toCacheError(error) {
  if (error instanceof CacheError) return error;
  const { code, message } = /** @type {{ code?: string; message?: string }} */ (error ?? {});
  if (typeof code === 'string' && ERROR_CODES.includes(code)) {
    return makeError(/** @type {CacheErrorCode} */ (code), String(message));
  }
  return new CacheError('CACHE_INTERNAL', `a defect of ferrocache, please report it: ${message ?? error}`, {
    cause: error,
  });
}

/**
 * Calls, and makes what is thrown an error of ours.
 *
 * @template T
 * @param {() => T} act
 * @returns {T}
 */
function attempt(act) {
  try {
    return act();
  } catch (error) {
    throw toCacheError(error);
  }
}

/**
 * How a message names what was given: its type, never its content.
 *
 * @param {unknown} value
 */
function describe(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'undefined') return 'undefined';
  return `${/^[aeiou]/.test(typeof value) ? 'an' : 'a'} ${typeof value}`;
}

module.exports = {
  CacheError,
  CacheTimeoutError,
  CacheClosedError,
  CacheLockError,
  CacheArgumentError,
  ERROR_CODES,
  makeError,
  toCacheError,
  attempt,
  describe,
};
