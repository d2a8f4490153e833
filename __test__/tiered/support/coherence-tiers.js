'use strict';

// How long the upper tier keeps a value, for whom, and what it says of itself: over every lower tier.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { gate } = require('../../support/deferred.js');
const { withThreads } = require('../../support/threads.js');
const { until } = require('../../support/wait.js');
const { LIMIT, comes, fresh, kept, openTiered, tierOf, tiered, trusted } = require('./open.js');

/**
 * @param {object} world
 * @param {() => import('./backends.js').Backend} world.backend
 * @param {(more?: any) => any} world.options of a cache on it
 * @param {(what: string, reads: () => unknown) => Promise<unknown>} world.asksNothing
 */
function tiers({ backend, options, asksNothing }) {
  const open = (t, more) => openTiered(t, options(more));

  describe('lives', () => {
    test('memory.ttl bounds how long a value is kept here', LIMIT, async (t) => {
      const cache = await open(t, { config: { memory: { ttl: '300ms' } } });
      const key = fresh('short');
      await cache.put(key, 'value', '1h');
      await kept(cache, key);
      const earlier = await backend().asked();
      // Nothing changes, so only the end of its time here can make a read ask.
      await until('it is asked for again', async () => {
        assert.equal(await cache.get(key), 'value');
        return (await backend().asked()) > earlier;
      });
    });

    test('a value never outlives its own life', LIMIT, async (t) => {
      const cache = await open(t, { config: { memory: { ttl: '1h' } } });
      for (let round = 0; round < 3; round += 1) {
        const key = fresh('dying');
        await cache.put(key, 'value', 0.3);
        await kept(cache, key);
        await until(
          'it is over',
          async () => {
            const there = await backend().holds(key);
            const got = await cache.get(key);
            if (!there) assert.equal(got, null, 'it was over before it was asked for');
            return got === null;
          },
          { every: 1 },
        );
      }
    });
  });

  describe('the tiers, seen from outside', () => {
    test('a hit says which tier gave it, and the statistics count it', LIMIT, async (t) => {
      const cache = await open(t);
      const key = fresh('seen');
      await backend().write(key, 'value');
      assert.equal(await tierOf(cache, key), backend().driver);
      await kept(cache, key);
      const earlier = await cache.stats();
      for (let count = 0; count < 5; count += 1) assert.equal(await tierOf(cache, key), 'memory');
      const { hits, memory, driver } = await cache.stats();
      assert.deepEqual(
        { driver, hits: hits - earlier.hits, upper: memory.hits - earlier.memory.hits },
        { driver: 'tiered', hits: 5, upper: 5 },
      );
      assert.ok(memory.entries >= 1 && memory.bytes > key.length, JSON.stringify(memory));
      assert.equal(memory.trusted, true);
      assert.equal(memory.invalidation, backend().means);
    });

    test('a fresh read asks the lower tier', LIMIT, async (t) => {
      const cache = await open(t);
      const key = fresh('asked');
      await cache.put(key, 'value');
      await kept(cache, key);
      const earlier = await backend().asked();
      assert.equal(await cache.get(key, { fresh: true }), 'value');
      assert.ok((await backend().asked()) > earlier);
    });

    test('what a fresh read gave is not followed by anything older', LIMIT, async (t) => {
      const cache = await open(t);
      for (let round = 0; round < 5; round += 1) {
        const key = fresh('fresh');
        await backend().write(key, 'old');
        await comes(cache, key, (got) => got === 'old');
        await kept(cache, key);
        backend().holdChanges();
        try {
          await backend().write(key, 'new');
          assert.equal(await cache.get(key, { fresh: true }), 'new');
          assert.equal(await cache.get(key), 'new');
        } finally {
          backend().releaseChanges();
        }
      }
    });

    describe('what is known here is not followed by anything older, though no change is told', () => {
      /** Rounds, as the word of the value that is to be kept may take it away once more. */
      const rounds = (name, round) =>
        test(name, LIMIT, async (t) => {
          const [cache, other] = [await open(t), await openTiered(t, tiered(backend().direct()))];
          for (let count = 0; count < 5; count += 1) {
            try {
              await round(cache, other, fresh('known'));
            } finally {
              backend().releaseChanges();
            }
            await trusted(cache);
          }
        });

      /** A miss is known here when it is answered at once. */
      const knownMiss = (cache, key) =>
        asksNothing('a known miss', async () => assert.equal(await cache.get(key), null));

      rounds('what another process has made, and this one has waited for', async (cache, other, key) => {
        const factory = gate();
        const making = other.remember(key, factory);
        await factory.started;
        const waiting = cache.remember(key, () => assert.fail('it is being made'));
        await knownMiss(cache, key);
        backend().holdChanges();
        factory.resolve('made');
        assert.deepEqual(await Promise.all([making, waiting]), ['made', 'made']);
        assert.equal(await cache.get(key), 'made');
      });

      rounds('that a value lives', async (cache, other, key) => {
        await knownMiss(cache, key);
        backend().holdChanges();
        await other.put(key, 'value', '1h');
        assert.ok((await cache.ttl(key)) > 0);
        assert.equal(await cache.get(key), 'value');
      });

      rounds('that it lives no more', async (cache, other, key) => {
        await other.put(key, 'value');
        await comes(cache, key, (got) => got === 'value');
        await kept(cache, key);
        backend().holdChanges();
        await other.forget(key);
        assert.equal(await cache.ttl(key), null);
        assert.equal(await cache.get(key), null);
      });
    });

    test('the threads of a process share the memory', LIMIT, async (t) => {
      const shared = options();
      const cache = await openTiered(t, shared);
      const key = fresh('shared');
      await backend().write(key, 'value');
      await withThreads(3, shared, async (...threads) => {
        await comes(cache, key, (got) => got === 'value');
        await kept(cache, key);
        await asksNothing('a hit of another thread', () =>
          Promise.all(threads.map((thread) => thread.call('get', key))),
        );
        assert.equal((await threads[0].call('stats')).memory.trusted, true);
      });
    });

    test('one of them fetches what all ask for', LIMIT, async (t) => {
      const shared = options();
      const cache = await openTiered(t, shared);
      const key = fresh('fetched');
      const factory = gate();
      await withThreads(2, shared, async (...threads) => {
        const first = cache.remember(key, factory);
        await factory.started;
        const others = threads.map((thread) => thread.remember(key));
        await Promise.all(others.map(({ asked }) => asked));
        factory.resolve('made');
        assert.equal(await first, 'made');
        assert.deepEqual(await Promise.all(others.map(({ outcome }) => outcome)), ['made', 'made']);
        assert.equal(factory.runs + others.reduce((sum, { runs }) => sum + runs, 0), 1);
        await asksNothing('a hit', () => Promise.all(threads.map((thread) => thread.call('get', key))));
      });
    });
  });
}

module.exports = { tiers };
