'use strict';

// The policy of tiny caches is exact: who goes is known for every access.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const fc = require('fast-check');
const { Cache } = require('../../index.js');
const { fuzz } = require('../support/fuzz.js');
const { record } = require('../support/events.js');
const { turns } = require('../support/deferred.js');
require('../support/alive.js');

async function listed(cache) {
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  return keys.sort();
}

function check(name, config, body) {
  test(name, { timeout: 60_000 }, async () => {
    const cache = new Cache({ clock: 'manual', config });
    await body(cache);
    await cache.close();
  });
}

describe('a cache with maxSize', () => {
  for (const maxSize of [1, 2, 3, 10, 100]) {
    check(`of ${maxSize} holds the last ${maxSize} that were put, exactly`, { maxSize }, async (cache) => {
      const total = maxSize + 5;
      for (let i = 0; i < total; i += 1) {
        await cache.put(`k${i}`, i);
        assert.equal(await cache.get(`k${i}`), i, 'what was just put can be read');
        assert.equal((await cache.stats()).entries, Math.min(i + 1, maxSize));
      }
      for (let i = 0; i < total; i += 1) assert.equal(await cache.has(`k${i}`), i >= 5, `k${i}`);
      const { entries, evictions } = await cache.stats();
      assert.equal(entries, maxSize);
      assert.equal(evictions, 5);
    });
  }

  check('tells of each entry that goes, oldest first', { maxSize: 2 }, async (cache) => {
    const seen = record(cache, 'evict');
    for (const key of ['a', 'b', 'c', 'd']) await cache.put(key, 1);
    await turns();
    assert.deepEqual(seen, [
      { event: 'evict', key: 'a', reason: 'size' },
      { event: 'evict', key: 'b', reason: 'size' },
    ]);
  });

  const refreshes = {
    get: (c) => c.get('a'),
    many: (c) => c.many(['a']),
    remember: (c) => c.remember('a', () => assert.fail('it ran')),
    'tags.get': (c) => c.tags(['t']).get('a'),
    put: (c) => c.put('a', 2),
    increment: (c) => c.increment('a'),
  };
  for (const [name, use] of Object.entries(refreshes)) {
    check(`keeps what ${name} used last`, { maxSize: 3 }, async (cache) => {
      for (const key of ['a', 'b', 'c']) await cache.put(key, 1);
      await use(cache);
      await cache.put('d', 1);
      assert.deepEqual(await listed(cache), ['a', 'c', 'd']);
    });
  }

  check('makes no room for a key that it holds', { maxSize: 2 }, async (cache) => {
    await cache.put('a', 1);
    await cache.put('b', 1);
    for (let i = 0; i < 10; i += 1) await cache.put('a', i);
    assert.deepEqual(await listed(cache), ['a', 'b']);
    assert.equal((await cache.stats()).evictions, 0);
  });

  check(
    'fills the room of what was forgotten, flushed or expired before it evicts',
    { maxSize: 3 },
    async (cache) => {
      await cache.put('a', 1);
      await cache.put('b', 1, '1s');
      await cache.put('c', 1);
      await cache.forget('c');
      cache.clock.advance('2s');
      await cache.put('d', 1);
      await cache.put('e', 1);
      assert.deepEqual(await listed(cache), ['a', 'd', 'e']);
      assert.equal((await cache.stats()).evictions, 0);
      await cache.flush();
      for (const key of ['x', 'y', 'z']) await cache.put(key, 1);
      assert.equal((await cache.stats()).evictions, 0);
    },
  );

  check('holds counters, remembered and tagged entries to the bound', { maxSize: 3 }, async (cache) => {
    for (let i = 0; i < 20; i += 1) {
      await cache.increment(`n${i}`);
      await cache.remember(`r${i}`, () => i);
      await cache.tags([`t${i}`]).put(`t${i}`, i);
      await cache.add(`a${i}`, i);
    }
    assert.deepEqual(await listed(cache), ['a19', 'r19', 't19']);
  });

  check('holds putMany to the bound', { maxSize: 3 }, async (cache) => {
    await cache.putMany(Array.from({ length: 10 }, (_, i) => [`k${i}`, i]));
    assert.equal((await cache.stats()).entries, 3);
    assert.deepEqual(await listed(cache), ['k7', 'k8', 'k9']);
  });

  test('does what a list of the last used does, whatever is asked of it', { timeout: 60_000 }, async () => {
    const step = fc.record({ put: fc.boolean(), key: fc.nat(7) });
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(step, { maxLength: 60, size: 'max' }),
      async (maxSize, steps) => {
        const cache = new Cache({ clock: 'manual', config: { maxSize } });
        const order = [];
        for (const { put, key } of steps) {
          const at = order.indexOf(key);
          if (put) {
            if (at >= 0) order.splice(at, 1);
            else if (order.length === maxSize) order.shift();
            order.push(key);
            await cache.put(`${key}`, key);
          } else {
            assert.equal(await cache.get(`${key}`), at < 0 ? null : key);
            if (at >= 0) order.push(...order.splice(at, 1));
          }
        }
        assert.deepEqual(await listed(cache), [...order].map(String).sort());
        await cache.close();
      },
    );
    await fuzz(property, { numRuns: 200 });
  });
});

describe('the tinylfu policy', () => {
  check('keeps to maxSize', { maxSize: 50, policy: 'tinylfu' }, async (cache) => {
    for (let i = 0; i < 500; i += 1) await cache.put(`k${i}`, i);
    const { entries } = await cache.stats();
    assert.equal(entries, 50);
    assert.equal((await listed(cache)).length, entries);
  });

  check(
    'keeps what is asked for often from a scan of what is asked for once',
    { maxSize: 100, policy: 'tinylfu' },
    async (cache) => {
      for (let i = 0; i < 50; i += 1) await cache.put(`hot${i}`, i);
      for (let round = 0; round < 20; round += 1) {
        for (let i = 0; i < 50; i += 1) await cache.get(`hot${i}`);
      }
      for (let i = 0; i < 1000; i += 1) await cache.put(`scan${i}`, i);
      let kept = 0;
      for (let i = 0; i < 50; i += 1) if (await cache.has(`hot${i}`)) kept += 1;
      assert.ok(kept >= 40, `${kept} of 50`);
    },
  );
});
