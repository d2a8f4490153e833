'use strict';

// Guarantee 1 within one thread: what completes while a factory runs wins over the factory.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { gate, turns } = require('../support/deferred.js');
const { openFor } = require('../support/open.js');
require('../support/alive.js');

const LIMIT = { timeout: 10_000 };

/** Every way to invalidate `k` of `ns`, and what `k` holds afterwards (nothing unless stated). */
const invalidations = [
  ['forget', (c) => c.forget('ns:k')],
  ['delete', (c) => c.delete('ns:k')],
  ['pull', (c) => c.pull('ns:k')],
  ['reset of the key', (c) => c.reset('ns:k')],
  ['forgetMany', (c) => c.forgetMany(['other', 'ns:k'])],
  ['put', (c) => c.put('ns:k', 'written'), 'written'],
  ['a put of the same value', (c) => c.put('ns:k', 'older'), 'older'],
  ['a put of null', (c) => c.put('ns:k', null), null, true],
  ['set', (c) => c.set('ns:k', 'written'), 'written'],
  ['add', (c) => c.add('ns:k', 'written'), 'written'],
  ['putMany', (c) => c.putMany({ other: 1, 'ns:k': 'written' }), 'written'],
  ['a tagged put', (c) => c.tags(['x']).put('ns:k', 'written'), 'written'],
  ['increment', (c) => c.increment('ns:k', 5), 5],
  ['decrement', (c) => c.decrement('ns:k', 5), -5],
  ['a put with a TTL of 0', (c) => c.put('ns:k', 'x', 0)],
  ['a set with a TTL of 0', (c) => c.set('ns:k', 'x', 0)],
  ['putMany with a TTL of 0', (c) => c.putMany({ 'ns:k': 'x' }, 0)],
  ['touch with a TTL of 0', (c) => c.touch('ns:k', 0)],
  ['a flush of its tag', (c) => c.tags(['t']).flush()],
  ['a flush of several tags, its one among them', (c) => c.tags(['y', 't', 'z']).flush()],
  ['flush', (c) => c.flush()],
  ['clear', (c) => c.clear()],
  ['reset', (c) => c.reset()],
  ['flush of its namespace', (c) => c.namespace('ns').flush()],
  ['forget through its namespace', (c) => c.namespace('ns').forget('k')],
  ['put through its namespace', (c) => c.namespace('ns').put('k', 'written'), 'written'],
  ['a put and a forget', (c) => c.put('ns:k', 'x').then(() => c.forget('ns:k'))],
  ['a put and a pull', (c) => c.put('ns:k', 'x').then(() => c.pull('ns:k'))],
  ['an add and a flush', (c) => c.add('ns:k', 'x').then(() => c.flush())],
  [
    'a put that expired since',
    async (c) => {
      await c.put('ns:k', 'short', '1s');
      c.clock.advance('2s');
    },
  ],
  [
    'a put with a tag that was flushed since',
    async (c) => {
      await c.tags(['u']).put('ns:k', 'tagged');
      await c.tags(['u']).flush();
    },
  ],
];

function open(t) {
  return openFor(t, { clock: 'manual', hardTimeout: Infinity });
}

/**
 * A remember of `ns:k`, tagged `t`, that stands in its factory. It fails, rather than hang, where the call
 * joins a flight that is under way.
 */
async function flight(cache, options = { tags: ['t'] }) {
  const factory = gate();
  const call = cache.remember('ns:k', options, factory);
  await Promise.race([factory.started, turns(50)]);
  assert.equal(factory.runs, 1, 'it joined an older flight');
  return { factory, call };
}

for (const [name, invalidate, left = null, held = left !== null] of invalidations) {
  describe(`${name} while the factory runs`, () => {
    test('wins: the older value is not stored', LIMIT, async (t) => {
      const cache = open(t);
      const { factory, call } = await flight(cache);
      await invalidate(cache);
      factory.resolve('older');
      assert.equal(await call, 'older');
      await turns();
      assert.equal(await cache.get('ns:k'), left);
      assert.equal(await cache.has('ns:k'), held);
      assert.equal((await cache.stats()).refusedFills, 1);
    });

    test('leaves the waiters who joined before it the older value', LIMIT, async (t) => {
      const cache = open(t);
      const { factory, call } = await flight(cache);
      const waiters = [cache.remember('ns:k', { tags: ['t'] }, factory), cache.remember('ns:k', factory)];
      await turns(1);
      await invalidate(cache);
      factory.resolve('older');
      assert.deepEqual(await Promise.all([call, ...waiters]), ['older', 'older', 'older']);
      assert.equal(factory.runs, 1);
      assert.equal(await cache.get('ns:k'), left);
    });

    if (!held) {
      test('makes a later remember start a flight of its own, which is stored', LIMIT, async (t) => {
        const cache = open(t);
        const older = await flight(cache);
        await invalidate(cache);
        const newer = await flight(cache);
        const joined = cache.remember('ns:k', { tags: ['t'] }, newer.factory);
        older.factory.resolve('older');
        assert.equal(await older.call, 'older');
        await turns();
        assert.equal(await cache.get('ns:k'), null, 'the older value was stored');
        newer.factory.resolve('newer');
        assert.deepEqual(await Promise.all([newer.call, joined]), ['newer', 'newer']);
        assert.equal(await cache.get('ns:k'), 'newer');
        assert.equal(newer.factory.runs, 1);
      });

      test('lets a later flight end first, and its value stays', LIMIT, async (t) => {
        const cache = open(t);
        const older = await flight(cache);
        await invalidate(cache);
        const newer = await flight(cache);
        newer.factory.resolve('newer');
        assert.equal(await newer.call, 'newer');
        older.factory.resolve('older');
        assert.equal(await older.call, 'older');
        await turns();
        assert.equal(await cache.get('ns:k'), 'newer');
      });
    }
  });
}

describe('what does not concern the key', () => {
  const bystanders = [
    ['a forget of another key', (c) => c.forget('ns:other')],
    ['a put of another key', (c) => c.put('ns:k2', 1)],
    ['a flush of another tag', (c) => c.tags(['other']).flush()],
    ['a flush of its tag in another namespace', (c) => c.namespace('m').tags(['t']).flush()],
    ['a flush of another namespace', (c) => c.namespace('n').flush()],
    ['a read', (c) => Promise.all([c.get('ns:k'), c.has('ns:k'), c.many(['ns:k']), c.ttl('ns:k')])],
    ['a lock of its name', (c) => c.lock('ns:k').then((lock) => lock.release())],
    ['time that passes', async (c) => c.clock.advance('30m')],
    ['a put that was refused', (c) => assert.rejects(c.put('ns:k', () => 1))],
    ['a put with a bad TTL', (c) => assert.rejects(c.put('ns:k', 1, 'abc'))],
  ];
  for (const [name, act] of bystanders) {
    test(`${name} lets the factory's value be stored`, LIMIT, async (t) => {
      const cache = open(t);
      const { factory, call } = await flight(cache);
      await act(cache);
      factory.resolve('computed');
      assert.equal(await call, 'computed');
      assert.equal(await cache.get('ns:k'), 'computed');
      assert.equal((await cache.stats()).refusedFills, 0);
    });
  }
});

describe('flights that follow each other', () => {
  test('of three flights overtaken in turn, only the last is stored', LIMIT, async (t) => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
      [0, 2, 1],
    ]) {
      const cache = open(t);
      const flights = [];
      for (let i = 0; i < 3; i += 1) {
        flights.push(await flight(cache));
        if (i < 2) await cache.forget('ns:k');
      }
      for (const i of order) {
        flights[i].factory.resolve(`flight ${i}`);
        assert.equal(await flights[i].call, `flight ${i}`);
      }
      assert.equal(await cache.get('ns:k'), 'flight 2', String(order));
    }
  });

  test('an overtaken flight that fails does not disturb the newer one', LIMIT, async (t) => {
    const cache = open(t);
    const older = await flight(cache);
    await cache.forget('ns:k');
    const newer = await flight(cache);
    older.factory.reject(new Error('older failed'));
    await assert.rejects(older.call, { message: 'older failed' });
    const joined = cache.remember('ns:k', () => assert.fail('the newer flight was lost'));
    await turns();
    newer.factory.resolve('newer');
    assert.equal(await newer.call, 'newer');
    assert.equal(await joined, 'newer');
    assert.equal(await cache.get('ns:k'), 'newer');
  });

  test('an invalidation of a newer flight is not undone by the older one', LIMIT, async (t) => {
    const cache = open(t);
    const older = await flight(cache);
    await cache.forget('ns:k');
    const newer = await flight(cache);
    await cache.forget('ns:k');
    newer.factory.resolve('newer');
    older.factory.resolve('older');
    assert.deepEqual(await Promise.all([older.call, newer.call]), ['older', 'newer']);
    assert.equal(await cache.get('ns:k'), null);
  });

  test(
    'an invalidation that is issued before the factory ends and completes after it wins',
    LIMIT,
    async (t) => {
      const cache = open(t);
      const { factory, call } = await flight(cache);
      const forgotten = cache.forget('ns:k');
      factory.resolve('older');
      await Promise.all([call, forgotten]);
      assert.equal(await cache.get('ns:k'), null);
    },
  );

  test('a forget issued in the same tick as the remember, after it, wins', LIMIT, async (t) => {
    const cache = open(t);
    const call = cache.remember('ns:k', () => 'older');
    const forgotten = cache.forget('ns:k');
    assert.equal(await call, 'older');
    await forgotten;
    assert.equal(await cache.get('ns:k'), null);
  });

  test('a factory that invalidates its own key stores nothing', LIMIT, async (t) => {
    const cache = open(t);
    const ways = [(c) => c.forget('ns:k'), (c) => c.flush(), (c) => c.tags(['t']).flush()];
    for (const invalidate of ways) {
      const value = await cache.remember('ns:k', { tags: ['t'] }, async () => {
        await invalidate(cache);
        return 'older';
      });
      assert.equal(value, 'older');
      assert.equal(await cache.get('ns:k'), null);
    }
  });

  test('a factory that puts its own key has its put stand', LIMIT, async (t) => {
    const cache = open(t);
    await cache.remember('ns:k', async () => {
      await cache.put('ns:k', 'put inside');
      return 'returned';
    });
    assert.equal(await cache.get('ns:k'), 'put inside');
  });
});
