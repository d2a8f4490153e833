'use strict';

// maxSizeBytes holds after every write, and an entry that is too large is refused.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../../index.js');
const { next, record } = require('../support/events.js');
const { turns } = require('../support/deferred.js');
require('../support/alive.js');

const LIMIT = { timeout: 60_000 };

/** Mixed sizes, from a few bytes to a fiftieth of the bound. */
function text(i, bound) {
  const sizes = [10, 100, 1000, 5000, Math.floor(bound / 50)];
  return 'x'.repeat(sizes[i % sizes.length]);
}

describe('a cache with maxSizeBytes', () => {
  for (const policy of ['lru', 'tinylfu']) {
    for (const maxSizeBytes of [100_000, 1_000_000, 10_000_000]) {
      test(`of ${maxSizeBytes} never holds more (${policy})`, LIMIT, async () => {
        const cache = new Cache({ clock: 'manual', config: { maxSizeBytes, policy } });
        for (let i = 0; i < 5000; i += 1) {
          await cache.put(`k${i}`, text(i, maxSizeBytes), i % 3 === 0 ? '1m' : Infinity);
          const { bytes } = await cache.stats();
          assert.ok(bytes <= maxSizeBytes, `${bytes} after ${i}`);
        }
        const { bytes, entries, evictions } = await cache.stats();
        assert.ok(bytes <= maxSizeBytes, `${bytes}`);
        assert.ok(bytes >= maxSizeBytes * 0.85, `only ${bytes} are used`);
        assert.equal(evictions, 5000 - entries);
        await cache.close();
      });
    }
  }

  test('counts the keys, the values and what an entry costs besides', LIMIT, async () => {
    const cache = new Cache();
    await cache.put('k', 1);
    const small = (await cache.stats()).bytes;
    assert.ok(small >= 2 + 32, `${small} for an entry`);
    await cache.put('k', 'x'.repeat(10_000));
    const large = (await cache.stats()).bytes;
    assert.ok(large - small >= 9_990 && large - small < 11_000, `${large - small} for 10,000 characters`);
    await cache.put('k'.repeat(10_000), 1);
    const key = (await cache.stats()).bytes - large;
    assert.ok(key >= 10_000 && key < 21_000, `${key} for a key of 10,000`);
    await cache.put('b', Buffer.alloc(10_000));
    await cache.forget('k');
    await cache.forget('k'.repeat(10_000));
    const buffer = (await cache.stats()).bytes;
    assert.ok(buffer >= 10_000 && buffer < 11_000, `${buffer} for a Buffer of 10,000`);
    await cache.forget('b');
    assert.equal((await cache.stats()).bytes, 0);
    await cache.close();
  });

  test('counts UTF-8, not characters', LIMIT, async () => {
    const cache = new Cache();
    await cache.put('k', '漢'.repeat(10_000));
    const { bytes } = await cache.stats();
    assert.ok(bytes >= 20_000 && bytes < 32_000, String(bytes));
    await cache.close();
  });

  test('gives back the bytes of what leaves, whichever way it does', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual', config: { maxSizeBytes: 500_000 } });
    const big = 'x'.repeat(1000);
    const fill = (ttl) =>
      cache.putMany(
        Array.from({ length: 100 }, (_, i) => [`k${i}`, big]),
        ttl,
      );
    const empty = async (how) => assert.equal((await cache.stats()).bytes, 0, how);
    await fill();
    await cache.forgetMany(Array.from({ length: 100 }, (_, i) => `k${i}`));
    await empty('forgetMany');
    await fill();
    await cache.flush();
    await empty('flush');
    await fill('1s');
    cache.clock.advance('1s');
    await empty('expiry');
    await fill();
    for (let i = 0; i < 100; i += 1) await cache.pull(`k${i}`);
    await empty('pull');
    await cache.close();
  });

  test('and maxSize keeps to both', LIMIT, async () => {
    const cache = new Cache({ config: { maxSize: 50, maxSizeBytes: 100_000 } });
    for (let i = 0; i < 200; i += 1) await cache.put(`small${i}`, i);
    let stats = await cache.stats();
    assert.equal(stats.entries, 50);
    assert.ok(stats.bytes < 100_000);
    for (let i = 0; i < 200; i += 1) await cache.put(`large${i}`, 'x'.repeat(10_000));
    stats = await cache.stats();
    assert.ok(stats.entries < 50, String(stats.entries));
    assert.ok(stats.entries >= 5, String(stats.entries));
    assert.ok(stats.bytes <= 100_000, String(stats.bytes));
    for (let i = 0; i < 200; i += 1) await cache.put(`again${i}`, i);
    stats = await cache.stats();
    assert.equal(stats.entries, 50);
    await cache.close();
  });

  test('not given is 64 MiB', LIMIT, async () => {
    const cache = new Cache();
    const chunk = Buffer.alloc(1024 * 1024, 1);
    for (let i = 0; i < 80; i += 1) await cache.put(`k${i}`, chunk);
    const { bytes, entries } = await cache.stats();
    const bound = 64 * 1024 * 1024;
    assert.ok(bytes <= bound && bytes > bound * 0.9, String(bytes));
    assert.ok(entries >= 62 && entries <= 64, String(entries));
    assert.equal(await cache.has('k79'), true);
    assert.equal(await cache.has('k0'), false);
    await cache.close();
  });
});

describe('an entry larger than the bound', () => {
  const large = 'x'.repeat(20_000);
  const open = () => new Cache({ clock: 'manual', config: { maxSizeBytes: 10_000 } });

  test('is refused, with an event, and set says so', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'evict', 'write');
    assert.equal(await cache.put('k', large), undefined);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.set('k', large), false);
    await turns();
    assert.deepEqual(
      seen.filter(({ event }) => event === 'evict'),
      [
        { event: 'evict', key: 'k', reason: 'too-large' },
        { event: 'evict', key: 'k', reason: 'too-large' },
      ],
    );
    assert.equal((await cache.stats()).entries, 0);
    await cache.close();
  });

  const writes = {
    put: (c) => c.put('k', large),
    set: (c) => c.set('k', large),
    putMany: (c) => c.putMany({ k: large }),
    'a tagged put': (c) => c.tags(['t']).put('k', large),
  };
  for (const [name, write] of Object.entries(writes)) {
    test(`takes what was stored under its key with it (${name})`, LIMIT, async () => {
      const cache = open();
      await cache.put('k', 'small');
      await cache.put('other', 'kept');
      const refused = next(cache, 'evict');
      await write(cache);
      assert.deepEqual(await refused, { key: 'k', reason: 'too-large' });
      assert.equal(await cache.get('k'), null);
      assert.equal(await cache.has('k'), false);
      assert.equal(await cache.get('other'), 'kept');
      await cache.close();
    });
  }

  test('is handed to the callers of remember all the same', LIMIT, async () => {
    const cache = open();
    const refused = next(cache, 'evict');
    assert.equal(await cache.remember('k', () => large), large);
    assert.deepEqual(await refused, { key: 'k', reason: 'too-large' });
    assert.equal(await cache.has('k'), false);
    await cache.close();
  });

  test('is not added', LIMIT, async () => {
    const cache = open();
    assert.equal(await cache.add('k', large), false);
    assert.equal(await cache.has('k'), false);
    await cache.close();
  });

  test('overtakes a factory that runs, as any write does', LIMIT, async () => {
    const cache = open();
    let finish;
    const call = cache.remember(
      'k',
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    await turns();
    await cache.put('k', large);
    finish('older');
    assert.equal(await call, 'older');
    assert.equal(await cache.get('k'), null);
    await cache.close();
  });

  test('evicts nothing else', LIMIT, async () => {
    const cache = open();
    await cache.putMany({ a: 1, b: 2, c: 3 });
    await cache.put('k', large);
    assert.deepEqual([...(await cache.many(['a', 'b', 'c'])).values()], [1, 2, 3]);
    await cache.close();
  });
});
