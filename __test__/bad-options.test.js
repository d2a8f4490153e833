'use strict';

// Options: what is unknown or mistyped is refused by name, with what was meant.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const {
  Cache,
  CacheError,
  createCacheManager,
  createMemoryCache,
  formatTtl,
  isDurationString,
  parseTtl,
  parseTtlMs,
} = require('../index.js');
const { cacheError } = require('./support/errors.js');
require('./support/alive.js');

const ttlCodes = ['CACHE_CONFIG', 'CACHE_INVALID_TTL'];

describe('an option', () => {
  const misspelt = [
    [{ confg: {} }, 'confg', 'config'],
    [{ Driver: 'memory' }, 'Driver', 'driver'],
    [{ defaultTTL: '1h' }, 'defaultTTL', 'defaultTtl'],
    [{ prefx: 'a' }, 'prefx', 'prefix'],
    [{ nmae: 'a' }, 'nmae', 'name'],
    [{ clok: 'manual' }, 'clok', 'clock'],
    [{ config: { maxsize: 5 } }, 'maxsize', 'maxSize'],
    [{ config: { maxSizeByte: 5 } }, 'maxSizeByte', 'maxSizeBytes'],
    [{ config: { polcy: 'lru' } }, 'polcy', 'policy'],
    [{ config: { isolaton: 'copy' } }, 'isolaton', 'isolation'],
    [{ config: { hot: { maxEntry: 5 } } }, 'maxEntry', 'maxEntries'],
    [{ config: { defaultTTL: '1h' } }, 'defaultTTL', 'defaultTtl'],
  ];
  for (const [options, written, meant] of misspelt) {
    test(`${written} is refused: did you mean ${meant}?`, () => {
      const pattern = new RegExp(`${written}[^]*did you mean[^]*${meant}`, 'i');
      assert.throws(() => new Cache(options), cacheError('CACHE_CONFIG', pattern));
    });
  }

  test('like nothing known is refused by name', () => {
    assert.throws(() => new Cache({ xyzzy: 1 }), cacheError('CACHE_CONFIG', /xyzzy/));
    assert.throws(() => new Cache({ config: { xyzzy: 1 } }), cacheError('CACHE_CONFIG', /xyzzy/));
  });

  test('of another place is refused where it is', () => {
    assert.throws(() => new Cache({ maxSize: 5 }), cacheError('CACHE_CONFIG', /maxSize/));
    assert.throws(() => new Cache({ config: { clock: 'manual' } }), cacheError('CACHE_CONFIG', /clock/));
  });

  const mistyped = [
    ['driver', { driver: 'memcached' }, /memcached[^]*memory|memory[^]*memcached/],
    ['driver', { driver: 'Memory' }, /memory/],
    ['driver', { driver: 5 }, /driver/],
    ['driver', { driver: '' }, /driver/],
    ['config', { config: 5 }, /config/],
    ['config', { config: 'x' }, /config/],
    ['config', { config: [] }, /config/],
    ['maxSize', { config: { maxSize: '5' } }, /maxSize/],
    ['maxSize', { config: { maxSize: -1 } }, /maxSize/],
    ['maxSize', { config: { maxSize: 1.5 } }, /maxSize/],
    ['maxSize', { config: { maxSize: NaN } }, /maxSize/],
    ['maxSizeBytes', { config: { maxSizeBytes: '64mb' } }, /maxSizeBytes/],
    ['maxSizeBytes', { config: { maxSizeBytes: -1 } }, /maxSizeBytes/],
    ['maxSizeBytes', { config: { maxSizeBytes: NaN } }, /maxSizeBytes/],
    ['policy', { config: { policy: 'fifo' } }, /fifo[^]*lru|lru[^]*fifo/],
    ['policy', { config: { policy: 5 } }, /policy/],
    ['isolation', { config: { isolation: 'freeze' } }, /isolation[^]*copy[^]*frozen/],
    ['isolation', { config: { isolation: true } }, /isolation/],
    ['hot', { config: { hot: true } }, /config\.hot/],
    ['hot', { config: { hot: null } }, /config\.hot/],
    ['hot', { config: { hot: { maxEntries: 0 } } }, /hot\.maxEntries/],
    ['hot', { config: { hot: { maxBytes: '1mb' } } }, /hot\.maxBytes/],
    ['prefix', { prefix: 5 }, /prefix/],
    ['prefix', { prefix: '\uD800' }, /prefix/],
    ['prefix', { config: { prefix: {} } }, /prefix/],
    ['name', { name: 5 }, /name/],
    ['name', { name: {} }, /name/],
    ['clock', { clock: 'atomic' }, /atomic[^]*manual|manual[^]*atomic/],
    ['clock', { clock: 5 }, /clock/],
    ['failOpen', { failOpen: 'yes' }, /failOpen/],
    ['logger', { logger: 5 }, /logger/],
    ['logger', { logger: {} }, /logger/],
  ];
  for (const [name, options, pattern] of mistyped) {
    const shown = JSON.stringify(options, (_, value) => (Number.isNaN(value) ? 'NaN' : value));
    test(`${name} given as ${shown} is refused`, () => {
      assert.throws(() => new Cache(options), cacheError('CACHE_CONFIG', pattern));
    });
  }

  for (const ttl of ['abc', '', NaN, {}, true, () => 1]) {
    test(`that is a duration is none as ${typeof ttl} ${String(ttl)}`, () => {
      assert.throws(() => new Cache({ defaultTtl: ttl }), cacheError(ttlCodes, /defaultTtl/));
      assert.throws(() => new Cache({ config: { defaultTtl: ttl } }), cacheError(ttlCodes, /defaultTtl/));
      assert.throws(() => new Cache({ hardTimeout: ttl }), cacheError(ttlCodes, /hardTimeout/));
    });
  }

  for (const options of ['memory', 5, true, [], () => 1, Symbol('o')]) {
    test(`is no ${typeof options} ${Array.isArray(options) ? '(an array)' : ''}`.trim(), () => {
      assert.throws(() => new Cache(options), cacheError('CACHE_CONFIG'));
    });
  }

  test('left undefined is an option left out', async () => {
    const options = {
      driver: undefined,
      config: undefined,
      defaultTtl: undefined,
      prefix: undefined,
      name: undefined,
      clock: undefined,
      hardTimeout: undefined,
      failOpen: undefined,
      logger: undefined,
    };
    const cache = new Cache(options);
    await cache.put('k', 1);
    assert.equal(await cache.get('k'), 1);
    assert.equal(cache.name, undefined);
    await cache.close();
    const memory = new Cache({ config: { maxSize: undefined, policy: undefined, maxSizeBytes: undefined } });
    await memory.close();
  });

  test('is checked by every way to make a cache', async () => {
    await assert.rejects(async () => createCacheManager({ confg: {} }), cacheError('CACHE_CONFIG', /config/));
    assert.throws(() => createMemoryCache({ maxsize: 5 }), cacheError('CACHE_CONFIG', /maxSize/));
  });

  test('that is refused leaves no store open', async () => {
    const name = `refused-${process.pid}`;
    assert.throws(() => new Cache({ name, config: { maxSize: 5, policy: 'fifo' } }), CacheError);
    const cache = new Cache({ name, config: { maxSize: 6 } });
    await cache.close();
  });
});

describe('the clock', () => {
  test('of the system cannot be moved', async () => {
    const cache = new Cache();
    assert.throws(() => cache.clock.advance('1s'), cacheError('CACHE_CONFIG', /manual/));
    assert.ok(Math.abs(cache.clock.now() - Date.now()) < 60_000);
    await cache.close();
  });

  test('is moved by a duration', async () => {
    const cache = new Cache({ clock: 'manual' });
    const before = cache.clock.now();
    for (const bad of ['abc', '', NaN, {}, true, () => 1, 5n]) {
      assert.throws(() => cache.clock.advance(bad), cacheError('CACHE_INVALID_TTL'));
    }
    assert.equal(cache.clock.now(), before);
    await cache.close();
  });
});

describe('the helpers for durations', () => {
  test('read what a TTL may be', () => {
    assert.equal(parseTtl(5), 5);
    assert.equal(parseTtl(0.25), 0.25);
    assert.equal(parseTtl('1h 30m'), 5400);
    assert.equal(parseTtl('500ms'), 0.5);
    assert.equal(parseTtl(Infinity), Infinity);
    assert.equal(parseTtl('forever'), Infinity);
    assert.equal(parseTtlMs('1w'), 604_800_000);
    assert.equal(parseTtlMs(0.25), 250);
    assert.equal(parseTtlMs('forever'), Infinity);
  });

  test('refuse what it may not be', () => {
    for (const bad of ['abc', '5 parsecs', '', NaN, {}, true, Symbol('s'), 5n, () => 1, '60']) {
      assert.throws(() => parseTtl(bad), cacheError('CACHE_INVALID_TTL'));
      assert.throws(() => parseTtlMs(bad), cacheError('CACHE_INVALID_TTL'));
    }
  });

  test('tell a duration from other values', () => {
    for (const good of ['30s', '5m', '1h', '1d', '1w', '500ms', '1h 30m']) {
      assert.equal(isDurationString(good), true, good);
    }
    for (const bad of [
      'forever',
      'abc',
      '',
      '5 parsecs',
      '60',
      5,
      null,
      undefined,
      {},
      Symbol('s'),
      ['1h'],
    ]) {
      assert.equal(isDurationString(bad), false, String(bad));
    }
  });

  test('write seconds in one unit', () => {
    assert.equal(formatTtl(3600), '1h');
    assert.equal(formatTtl(90), '90s');
    assert.equal(formatTtl(86_400), '1d');
    assert.equal(formatTtl(604_800), '1w');
    assert.equal(formatTtl(0.5), '500ms');
    assert.equal(formatTtl(300), '5m');
    for (const seconds of [0.001, 1, 59, 60, 61, 3599, 3601, 86_401, 1_209_600]) {
      assert.equal(parseTtl(formatTtl(seconds)), seconds);
    }
  });
});
