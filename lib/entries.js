'use strict';

/** Several keys or entries, in the forms in which they may be given. */

const { makeError, describe } = require('./errors.js');

/**
 * @param {unknown} entries
 * @returns {Iterable<[string, unknown]>}
 */
function pairs(entries) {
  if (typeof entries !== 'object' || entries === null) {
    throw makeError(
      'CACHE_INVALID_ARGUMENT',
      `entries must be a Map, an iterable of [key, value] or an object, not ${describe(entries)}`,
    );
  }
  if (Symbol.iterator in entries) {
    const list = /** @type {[string, unknown][]} */ (
      listed(/** @type {Iterable<unknown>} */ (entries), 'entries')
    );
    if (list.every((pair) => Array.isArray(pair) && pair.length === 2)) return list;
    throw makeError('CACHE_INVALID_ARGUMENT', 'each of the entries must be a [key, value] pair');
  }
  try {
    return Object.entries(entries);
  } catch (cause) {
    throw makeError('CACHE_INVALID_VALUE', 'reading the entries threw (see cause)', { cause });
  }
}

/**
 * @param {Iterable<unknown>} iterable
 * @param {string} what
 */
function listed(iterable, what) {
  try {
    return [...iterable];
  } catch (cause) {
    throw makeError('CACHE_INVALID_ARGUMENT', `iterating over the ${what} threw (see cause)`, { cause });
  }
}

exports.listed = listed;
exports.pairs = pairs;
