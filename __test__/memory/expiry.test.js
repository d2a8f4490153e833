'use strict';

// Expired entries leave the memory without being read.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { Cache } = require('../../index.js');
const { next, record } = require('../support/events.js');
const { turns } = require('../support/deferred.js');
require('../support/alive.js');

const LIMIT = { timeout: 120_000 };

describe('what expires', () => {
  test('has left the memory when advance returns, and was told of', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    const seen = record(cache, 'expire');
    for (let i = 1; i <= 10; i += 1) await cache.put(`k${i}`, i, i);
    for (let i = 1; i <= 10; i += 1) {
      cache.clock.advance('1s');
      const { entries, expirations } = await cache.stats();
      assert.equal(entries, 10 - i);
      assert.equal(expirations, i);
    }
    await turns();
    assert.deepEqual(
      seen.map(({ key }) => key),
      Array.from({ length: 10 }, (_, i) => `k${i + 1}`),
    );
    assert.equal((await cache.stats()).bytes, 0);
    await cache.close();
  });

  test('leaves by the thousand, with lives from a millisecond to a year', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    // Each is longer than all before it together.
    const lives = ['1ms', '50ms', '1s', '50s', '2m', '1h', '1d', '1w', '52w', Infinity];
    for (const [i, ttl] of lives.entries()) {
      await cache.putMany(
        Array.from({ length: 1000 }, (_, n) => [`${i}:${n}`, n]),
        ttl,
      );
    }
    for (const [i, ttl] of lives.slice(0, -1).entries()) {
      cache.clock.advance(ttl);
      assert.equal((await cache.stats()).entries, 1000 * (lives.length - 1 - i), ttl);
    }
    await cache.close();
  });

  test('is what the last write or touch said, not what an earlier one did', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    const seen = record(cache, 'expire');
    await cache.put('longer', 1, '1s');
    await cache.put('longer', 1, '10s');
    await cache.put('touched', 1, '1s');
    await cache.touch('touched', '10s');
    await cache.put('shorter', 1, '1h');
    await cache.touch('shorter', '1s');
    await cache.put('forgotten', 1, '1s');
    await cache.forget('forgotten');
    await cache.put('for ever', 1, '1s');
    await cache.touch('for ever', Infinity);
    cache.clock.advance('1s');
    await turns();
    assert.deepEqual(seen, [{ event: 'expire', key: 'shorter' }]);
    assert.equal((await cache.stats()).entries, 3);
    cache.clock.advance('9s');
    await turns();
    assert.deepEqual(seen.map(({ key }) => key).sort(), ['longer', 'shorter', 'touched']);
    assert.equal((await cache.stats()).entries, 1);
    await cache.close();
  });

  test('is told once, to every cache of the store', LIMIT, async () => {
    const options = { name: `expiry-${process.pid}`, clock: 'manual' };
    const caches = [new Cache(options), new Cache(options)];
    const seen = caches.map((cache) => record(cache, 'expire'));
    await caches[0].put('k', 1, '1s');
    caches[0].clock.advance('1s');
    assert.equal(await caches[1].get('k'), null);
    await turns();
    for (const events of seen) assert.deepEqual(events, [{ event: 'expire', key: 'k' }]);
    await Promise.all(caches.map((cache) => cache.close()));
  });

  test('leaves on the system clock within a minute without being read', LIMIT, async () => {
    const cache = new Cache();
    const seen = record(cache, 'expire');
    await cache.putMany(
      Array.from({ length: 100 }, (_, i) => [`k${i}`, i]),
      '50ms',
    );
    await cache.put('stays', 1);
    const limit = cache.clock.now() + 60_000;
    while ((await cache.stats()).entries > 1) {
      assert.ok(cache.clock.now() < limit, 'they are still there after a minute');
      await sleep(100);
    }
    assert.equal((await cache.stats()).expirations, 100);
    await turns();
    assert.equal(seen.length, 100);
    await cache.close();
  });

  test('takes its grace before it leaves', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    await cache.remember('k', { ttl: '1s', grace: '10s' }, () => 'v');
    cache.clock.advance('5s');
    assert.equal(await cache.get('k'), null);
    const refreshed = next(cache, 'refresh');
    assert.equal(await cache.remember('k', { grace: '10s', timeout: 0 }, () => 'new'), 'v');
    await refreshed;
    cache.clock.advance('1h');
    cache.clock.advance('10s');
    await turns();
    assert.equal((await cache.stats()).entries, 0);
    await cache.close();
  });
});
