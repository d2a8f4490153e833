'use strict';

// Options of the tiered driver: what is refused, and what the core is opened with. No server is asked.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { checkCacheOptions } = require('../lib/options.js');
const { cacheError } = require('./support/errors.js');
require('./support/alive.js');

const check = (config, options) => checkCacheOptions({ driver: 'tiered', ...options, config });
const redis = { driver: 'redis' };
const couchdb = { driver: 'couchdb' };

describe('the tiered driver is opened', () => {
  test('with the defaults of its lower tier', () => {
    for (const remote of [redis, couchdb]) {
      const { driver } = remote;
      const tiered = check({ remote });
      const lower = checkCacheOptions({ driver });
      assert.equal(tiered.tier, driver);
      assert.equal(tiered.prefix, lower.prefix);
      assert.equal(tiered.ttl, lower.ttl);
      assert.deepEqual([tiered.remote, tiered.tiered, lower.remote, lower.tiered], [true, true, true, false]);
      assert.deepEqual(tiered.native, { ...lower.native, tiered: { maxStaleness: 0, prefix: 'cache:' } });
    }
  });

  test('with what is said of its memory', () => {
    const memory = { maxSize: 10, maxSizeBytes: 4096, policy: 'tinylfu', ttl: '5s' };
    const { native } = check({ remote: redis, memory, maxStaleness: '2s' });
    const { maxSize, maxSizeBytes, policy, tiered } = native;
    assert.deepEqual(
      { maxSize, maxSizeBytes, policy },
      { maxSize: 10, maxSizeBytes: 4096, policy: 'tinylfu' },
    );
    assert.deepEqual(tiered, { ttl: 5000, maxStaleness: 2000, prefix: 'cache:' });
  });

  test('with a prefix and a TTL of its own before those of the lower tier and of the cache', () => {
    const remote = { ...redis, prefix: 'remote:', defaultTtl: 2 };
    const both = { prefix: 'own:', defaultTtl: 1 };
    const cache = { prefix: 'cache:', defaultTtl: 3 };
    const named = (config, options) => {
      const { prefix, ttl, native } = check(config, options);
      assert.equal(native.tiered.prefix, prefix);
      return [prefix, ttl];
    };
    assert.deepEqual(named({ remote, ...both }, cache), ['own:', 1000]);
    assert.deepEqual(named({ remote }, cache), ['remote:', 2000]);
    assert.deepEqual(named({ remote: redis }, { prefix: 'top:', defaultTtl: 3 }), ['top:', 3000]);
  });
});

describe('the tiered driver refuses', () => {
  const wrong = [
    ['no lower tier', {}, /config\.remote is missing/],
    ['a lower tier that is no object', { remote: 'redis' }, /config\.remote/],
    ['a lower tier without a driver', { remote: {} }, /config\.remote\.driver/],
    ['memory as the lower tier', { remote: { driver: 'memory' } }, /redis[^]*couchdb/],
    ['itself as the lower tier', { remote: { driver: 'tiered' } }, /config\.remote\.driver/],
    ['what its lower tier does not know', { remote: { ...redis, sweep: false } }, /sweep/],
    ['what its lower tier refuses', { remote: { ...couchdb, database: 'Cache' } }, /database/],
    ['an unknown option', { remote: redis, maxStalenes: 1 }, /maxStaleness/],
    ['an unknown option of its memory', { remote: redis, memory: { size: 1 } }, /maxSize/],
    ['a bound of no bytes', { remote: redis, memory: { maxSizeBytes: 1 } }, /config\.memory\.maxSizeBytes/],
    ['an empty prefix over Redis', { remote: redis, prefix: '' }, /prefix/],
  ];
  for (const [name, config, message] of wrong) {
    test(name, () => assert.throws(() => check(config), cacheError('CACHE_CONFIG', message)));
  }

  test('a manual clock', () => {
    assert.throws(() => check({ remote: redis }, { clock: 'manual' }), cacheError('CACHE_CONFIG', /manual/));
  });

  test('a staleness that is no duration', () => {
    assert.throws(() => check({ remote: redis, maxStaleness: 'long' }), cacheError('CACHE_INVALID_TTL'));
  });
});
