'use strict';

// Stores with a name: who shares what, and for how long.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache, createMemoryCache } = require('../../index.js');
const { record } = require('../support/events.js');
const { turns } = require('../support/deferred.js');
const { cacheError } = require('../support/errors.js');
const { storeName, withThreads, Thread } = require('../support/threads.js');
require('../support/alive.js');

const LIMIT = { timeout: 60_000 };

describe('a named store', () => {
  test('is one for all who open its name', LIMIT, async () => {
    const name = storeName('named');
    const [first, second] = [new Cache({ name }), new Cache({ name })];
    assert.equal(first.name, name);
    await first.put('k', { v: 1 });
    assert.deepEqual(await second.get('k'), { v: 1 });
    const lock = await first.lock('l', '1h');
    assert.equal((await second.lock('l', { maxRetries: 0 })).acquired, false);
    await lock.release();
    await second.tags(['t']).put('t', 1);
    await first.tags(['t']).flush();
    assert.equal(await second.get('t'), null);
    assert.equal(await second.increment('n'), 1);
    assert.equal(await first.increment('n'), 2);
    await Promise.all([first.close(), second.close()]);
  });

  test('of another name, or of none, is another store', LIMIT, async () => {
    const caches = [
      new Cache({ name: storeName() }),
      new Cache({ name: storeName() }),
      new Cache(),
      new Cache(),
    ];
    await caches[0].put('k', 1);
    for (const other of caches.slice(1)) assert.equal(await other.get('k'), null);
    await Promise.all(caches.map((cache) => cache.close()));
  });

  const different = {
    maxSize: { config: { maxSize: 6 } },
    'no maxSize': { config: {} },
    maxSizeBytes: { config: { maxSize: 5, maxSizeBytes: 10_000 } },
    policy: { config: { maxSize: 5, policy: 'tinylfu' } },
    clock: { config: { maxSize: 5 }, clock: 'manual' },
  };
  for (const [what, options] of Object.entries(different)) {
    test(`is not opened with a different configuration (${what})`, LIMIT, async () => {
      const name = storeName('conflict');
      const cache = new Cache({ name, config: { maxSize: 5 } });
      await cache.put('k', 1);
      assert.throws(() => new Cache({ name, ...options }), cacheError('CACHE_CONFIG', new RegExp(name)));
      assert.equal(await cache.get('k'), 1);
      const same = new Cache({ name, config: { maxSize: 5 } });
      assert.equal(await same.get('k'), 1);
      await Promise.all([cache.close(), same.close()]);
    });
  }

  test('is not opened with a different configuration in another thread', LIMIT, async () => {
    const name = storeName('conflict');
    const cache = new Cache({ name, config: { maxSize: 5 } });
    await assert.rejects(Thread.open({ name, config: { maxSize: 6 } }), /conf/i);
    await withThreads(1, { name, config: { maxSize: 5 } }, async (thread) => {
      await thread.call('put', 'k', 1);
      assert.equal(await cache.get('k'), 1);
    });
    await cache.close();
  });

  test('takes a default that is spelt out for the default', LIMIT, async () => {
    const name = storeName('spelt');
    const caches = [
      new Cache({ name }),
      new Cache({ name, driver: 'memory', config: {} }),
      new Cache({ name, config: { policy: 'lru', maxSizeBytes: 64 * 1024 * 1024 }, clock: 'system' }),
      createMemoryCache({ name }),
    ];
    await caches[0].put('k', 1);
    for (const cache of caches) assert.equal(await cache.get('k'), 1);
    await Promise.all(caches.map((cache) => cache.close()));
  });

  test('is shared by caches with prefixes and lives of their own', LIMIT, async () => {
    const name = storeName('prefixes');
    const a = new Cache({ name, prefix: 'a:', defaultTtl: '1m' });
    const b = new Cache({ name, config: { prefix: 'b:' }, defaultTtl: Infinity });
    await a.put('k', 1);
    await b.put('k', 2);
    assert.equal(await a.get('k'), 1);
    assert.ok((await a.ttl('k')) <= 60);
    assert.equal(await b.ttl('k'), Infinity);
    assert.equal((await a.stats()).entries, 2);
    await Promise.all([a.close(), b.close()]);
  });

  test('keeps one bound for all, and tells all of what goes', LIMIT, async () => {
    const options = { name: storeName('bound'), config: { maxSize: 2 } };
    const caches = [new Cache(options), new Cache(options)];
    const seen = caches.map((cache) => record(cache, 'evict'));
    await caches[0].put('a', 1);
    await caches[1].put('b', 1);
    await caches[0].put('c', 1);
    await caches[1].put('d', 1);
    assert.equal((await caches[0].stats()).entries, 2);
    await turns();
    for (const events of seen) {
      assert.deepEqual(events, [
        { event: 'evict', key: 'a', reason: 'size' },
        { event: 'evict', key: 'b', reason: 'size' },
      ]);
    }
    await Promise.all(caches.map((cache) => cache.close()));
  });

  test('goes away when its last cache closes, and not before', LIMIT, async () => {
    const name = storeName('last');
    const first = new Cache({ name, config: { maxSize: 5 } });
    const second = new Cache({ name, config: { maxSize: 5 } });
    await first.put('k', 1);
    await first.close();
    assert.equal(await second.get('k'), 1);
    assert.throws(() => new Cache({ name, config: { maxSize: 6 } }), cacheError('CACHE_CONFIG'));
    await second.close();
    const third = new Cache({ name, config: { maxSize: 6 } });
    assert.equal(await third.get('k'), null);
    assert.equal((await third.stats()).entries, 0);
    await third.close();
  });

  test('closed twice by one cache is not taken from the other', LIMIT, async () => {
    const name = storeName('twice');
    const [first, second] = [new Cache({ name }), new Cache({ name })];
    await second.put('k', 1);
    await first.close();
    await first.close();
    assert.equal(await second.get('k'), 1);
    const third = new Cache({ name });
    assert.equal(await third.get('k'), 1);
    await Promise.all([second.close(), third.close()]);
  });

  test('moves its manual clock for all who share it', LIMIT, async () => {
    const options = { name: storeName('clock'), clock: 'manual' };
    const [first, second] = [new Cache(options), new Cache(options)];
    await first.put('k', 1, '1s');
    assert.equal(first.clock.now(), second.clock.now());
    second.clock.advance('1s');
    assert.equal(first.clock.now(), second.clock.now());
    assert.equal(await first.get('k'), null);
    await Promise.all([first.close(), second.close()]);
  });

  test('counts for all who share it', LIMIT, async () => {
    const name = storeName('stats');
    const [first, second] = [new Cache({ name }), new Cache({ name })];
    await first.put('k', 1);
    await second.get('k');
    await second.get('x');
    for (const cache of [first, second]) {
      const { hits, misses, writes, entries } = await cache.stats();
      assert.deepEqual({ hits, misses, writes, entries }, { hits: 1, misses: 1, writes: 1, entries: 1 });
    }
    await Promise.all([first.close(), second.close()]);
  });
});
