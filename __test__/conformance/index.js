'use strict';

// The conformance suite: what every driver must do, whatever is behind it.

const { describe } = require('node:test');
const { harness } = require('./harness.js');

const suites = [
  require('./get-put.js'),
  require('./keys-accepted.js'),
  require('./ttl.js'),
  require('./remember.js'),
  require('./remember-flights.js'),
  require('./grace.js'),
  require('./tags.js'),
  require('./counters.js'),
  require('./locks.js'),
  require('./lock-and-run.js'),
  require('./values.js'),
  require('./values-properties.js'),
  require('./namespaces.js'),
  require('./flush-keys.js'),
  require('./events.js'),
  require('./many.js'),
  require('./stats.js'),
];

/**
 * What a driver can do, as far as tests need to know. The default is the most that any driver can;
 * a driver states what it cannot, and gets the tests that hold for it.
 *
 * @typedef {object} Capabilities
 * @property {boolean} [manualClock] `open({ clock: 'manual' })` makes a cache whose clock a test moves.
 *   Without it the suite waits for real, with short lives.
 * @property {boolean} [evicts] the store keeps its bounds by itself and says so with `evict` events
 * @property {boolean} [expires] entries that expire leave by themselves, with `expire` events
 * @property {boolean} [counts] `stats()` knows how many entries, bytes and tags the store has; else they are `null`
 * @property {boolean} [emptyPrefix] the prefix may be empty; else `CACHE_CONFIG` says why not
 * @property {string} [tier] the tier that answers, as events name it
 * @property {string} [driver] the driver's name
 */

/**
 * Registers the whole suite for one driver.
 *
 * @param {object} target
 * @param {string} target.name what the report calls it
 * @param {(options?: object) => any} target.open makes a cache over a store that nobody else uses,
 *   with these options on top of the driver's own; it may return a promise
 * @param {Capabilities} [target.capabilities]
 */
function conformance({ name, open, capabilities = {} }) {
  describe(`conformance of ${name}`, () => {
    for (const { title, suite } of suites) {
      describe(title, () => {
        suite(harness({ open, capabilities }));
      });
    }
  });
}

module.exports = { conformance };
