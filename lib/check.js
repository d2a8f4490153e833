'use strict';

/**
 * What keys, tags and names may be: the one home of these rules.
 */

const { makeError, describe } = require('./errors.js');

/** Longest key, in bytes of UTF-8: 1 MiB. */
const LONGEST_KEY = 1024 * 1024;

/**
 * @param {unknown} key
 * @returns {string}
 * @throws {import('../index.js').CacheError} CACHE_INVALID_KEY
 */
function checkKey(key) {
  if (typeof key !== 'string') throw invalidKey(`a key must be a string, not ${describe(key)}`);
  if (!key.isWellFormed()) {
    throw invalidKey(
      'a key must be well-formed Unicode: this one holds a lone surrogate, which no store can tell from another',
    );
  }
  return checkLength(key);
}

/**
 * @param {string} key
 * @param {string} [prefix] what it begins with that is not the key's, and does not count
 * @throws {import('../index.js').CacheError} CACHE_INVALID_KEY
 */
function checkLength(key, prefix = '') {
  // A UTF-16 unit has at most three bytes: most keys need no counting.
  if (key.length * 3 <= LONGEST_KEY) return key;
  const bytes = Buffer.byteLength(key) - Buffer.byteLength(prefix);
  if (bytes > LONGEST_KEY) {
    throw invalidKey(
      `a key must have at most 1 MiB (1,048,576 bytes of UTF-8); this one has ${bytes}: hash it`,
    );
  }
  return key;
}

/** @param {string} message */
const invalidKey = (message) => makeError('CACHE_INVALID_KEY', message);

/**
 * @param {unknown} tags
 * @returns {string[]} without repetitions
 * @throws {import('../index.js').CacheError} CACHE_INVALID_TAG
 */
function checkTags(tags) {
  if (!Array.isArray(tags)) {
    throw makeError('CACHE_INVALID_TAG', `tags must be an array of non-empty strings, not ${describe(tags)}`);
  }
  for (const tag of tags) {
    if (typeof tag !== 'string' || tag === '') {
      throw makeError(
        'CACHE_INVALID_TAG',
        `a tag must be a non-empty string, not ${tag === '' ? 'an empty one' : describe(tag)}`,
      );
    }
    if (!tag.isWellFormed()) {
      throw makeError('CACHE_INVALID_TAG', 'a tag must be well-formed Unicode, without a lone surrogate');
    }
  }
  return [...new Set(tags)];
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Function}
 * @throws {import('../index.js').CacheError} CACHE_INVALID_ARGUMENT
 */
function checkFunction(value, what) {
  if (typeof value === 'function') return value;
  throw makeError('CACHE_INVALID_ARGUMENT', `${what} must be a function, not ${describe(value)}`);
}

module.exports = { checkKey, checkLength, checkTags, checkFunction };
