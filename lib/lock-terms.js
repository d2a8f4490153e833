'use strict';

/** What a lock may be asked for with. */

const { makeError, describe } = require('./errors.js');
const { checkOptions } = require('./option-checks.js');
const { toMillis } = require('./ttl.js');

const DEFAULT_TTL = 30_000;
const DEFAULT_WAIT = 10_000;
const DEFAULT_INTERVAL = 50;
const DEFAULT_RETRIES = 100;

/**
 * Checked options of a lock; durations in milliseconds.
 * @typedef {{ ttl: number; wait: number; interval: number; retries: number; signal: AbortSignal | undefined }} Terms
 */

/**
 * @param {unknown} options
 * @returns {Terms}
 */
function checkTerms(options) {
  if (options === undefined || options === null) options = {};
  if (typeof options !== 'object') options = { ttl: options };
  const given = /** @type {import('../index.js').LockOptions} */ (options);
  checkOptions(given, ['ttl', 'timeout', 'wait', 'retryInterval', 'maxRetries', 'signal'], 'a lock');
  const ttl = toMillis(given.ttl ?? given.timeout ?? DEFAULT_TTL / 1000);
  if (ttl === 0) throw makeError('CACHE_INVALID_TTL', "a lock's TTL must be more than 0");
  const { retryInterval = DEFAULT_INTERVAL, maxRetries = DEFAULT_RETRIES, signal } = given;
  count(retryInterval, 'retryInterval');
  count(maxRetries, 'maxRetries');
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw makeError('CACHE_INVALID_ARGUMENT', `signal must be an AbortSignal, not ${describe(signal)}`);
  }
  return {
    ttl,
    wait: toMillis(given.wait ?? DEFAULT_WAIT / 1000),
    interval: retryInterval,
    retries: maxRetries,
    signal,
  };
}

/**
 * @param {unknown} value
 * @param {string} name
 */
function count(value, name) {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw makeError(
      'CACHE_INVALID_ARGUMENT',
      `${name} must be a number of at least 0, not ${describe(value)}`,
    );
  }
}

exports.checkTerms = checkTerms;
