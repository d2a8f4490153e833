'use strict';

const { Cache } = require('../../index.js');

/**
 * A cache that is closed when the test ends, however it ends: a factory that a failed test left
 * running must not keep the process alive.
 */
function openFor(t, options) {
  const cache = new Cache(options);
  t.after(() => cache.close());
  return cache;
}

module.exports = { openFor };
