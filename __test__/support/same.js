'use strict';

const assert = require('node:assert/strict');

/**
 * `assert.deepStrictEqual` whose error holds text alone: a reporter that prints the values
 * themselves fails on some of them (an invalid Date, a circular reference).
 */
function same(actual, expected, what = '') {
  try {
    assert.deepStrictEqual(actual, expected);
  } catch (error) {
    error.actual = undefined;
    error.expected = undefined;
    error.message = `${what} ${error.message}`.trim();
    throw error;
  }
}

module.exports = { same };
