'use strict';

/** `config` of the tiered driver: what may be given, its defaults, and what is wrong with what was given. */

const checks = require('./option-checks.js');
const { toMillis } = require('./ttl.js');

const { checkOptions, defined, duration, oneOf, optional, record, wrong } = checks;

const NAMES = ['memory', 'remote', 'maxStaleness', 'prefix', 'defaultTtl'];
const UPPER = ['maxSize', 'maxSizeBytes', 'policy', 'ttl', 'hot', 'isolation'];

/**
 * The upper tier, as the core is opened with it; `NativeTiered` in src/binding/sessions.rs. Milliseconds.
 * @typedef {{ ttl?: number; maxStaleness: number; prefix: string }} NativeTiered
 */

/**
 * The parts of a tiered `config`: that of the upper tier, and that of the lower one with its driver.
 *
 * @param {Record<string, unknown>} config
 * @param {readonly string[]} backends the drivers that can be the lower tier
 */
function tiersOf(config, backends) {
  if (config.remote === undefined) {
    throw wrong(
      "config.remote is missing: the tiered driver needs a lower tier, as in { remote: { driver: 'redis', url } }",
    );
  }
  const { driver, ...remote } = record(config.remote, 'config.remote');
  const upper = config.memory === undefined ? {} : record(config.memory, 'config.memory');
  checkOptions(upper, UPPER, 'config.memory', wrong);
  return {
    upper,
    remote,
    driver: oneOf(driver, backends, 'config.remote.driver'),
    /** What is said of all tiers may be said of the lower one too. */
    prefix: config.prefix ?? remote.prefix,
    defaultTtl: config.defaultTtl ?? remote.defaultTtl,
  };
}

/**
 * @param {Record<string, unknown>} config
 * @param {Record<string, unknown>} upper
 * @param {string} prefix
 * @returns {NativeTiered}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function checkTiered({ maxStaleness = 0 }, upper, prefix) {
  return /** @type {NativeTiered} */ (
    defined({
      ttl: optional(upper.ttl, duration, 'config.memory.ttl'),
      // 0 is the default, and no duration as others are: nothing is served that may be out of date.
      maxStaleness: maxStaleness === 0 ? 0 : toMillis(maxStaleness),
      prefix,
    })
  );
}

module.exports = { TIERED_OPTIONS: NAMES, checkTiered, tiersOf };
