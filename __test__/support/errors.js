'use strict';

const assert = require('node:assert/strict');
const { CacheError } = require('../../index.js');

/**
 * A validator for `assert.rejects` and `assert.throws`: a CacheError with one of these codes, whose
 * message says something and matches `pattern`.
 *
 * @param {string | readonly string[]} codes
 * @param {RegExp} [pattern]
 */
function cacheError(codes, pattern) {
  const accepted = [codes].flat();
  return (error) => {
    assert.ok(error instanceof CacheError, `expected a CacheError, got ${describe(error)}`);
    assert.ok(error instanceof Error);
    assert.ok(
      accepted.includes(error.code),
      `expected the code ${accepted.join(' or ')}, got ${describe(error)}`,
    );
    assert.ok(error.message.length > 10, `the message says nothing: ${describe(error)}`);
    if (pattern) assert.match(error.message, pattern);
    return true;
  };
}

function describe(error) {
  return error instanceof Error ? `${error.name} ${error.code ?? ''}: ${error.message}` : String(error);
}

/** `assert.rejects`, and the call itself must not throw: bad arguments never throw synchronously. */
async function rejects(call, codes, pattern) {
  let promise;
  assert.doesNotThrow(() => {
    promise = call();
  }, 'it threw synchronously');
  assert.equal(typeof promise?.then, 'function', 'it returned no promise');
  await assert.rejects(promise, cacheError(codes, pattern));
}

module.exports = { cacheError, rejects };
