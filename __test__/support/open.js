'use strict';

const { Cache } = require('../../index.js');

/** Says which isolation the caches of a whole test file have; see guarantees/frozen.test.js. */
const { FERROCACHE_TEST_ISOLATION: isolation } = process.env;

const isolated = (options) =>
  isolation === undefined ? options : { ...options, config: { isolation, ...options?.config } };

/**
 * A cache that is closed when the test ends, however it ends: a factory that a failed test left
 * running must not keep the process alive.
 */
function openFor(t, options) {
  const cache = new Cache(isolated(options));
  t.after(() => cache.close());
  return cache;
}

module.exports = { openFor };
