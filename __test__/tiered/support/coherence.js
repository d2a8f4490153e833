'use strict';

// What is written anywhere reaches every instance: tests that run over every lower tier.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { withThreads } = require('../../support/threads.js');
const { until } = require('../../support/wait.js');
const { tiers } = require('./coherence-tiers.js');
const { LIMIT, comes, fresh, kept, openTiered, openTieredPeer, tiered } = require('./open.js');

/** What another process's cache does to a key that holds 1, and what it holds then. */
const WRITES = {
  put: { write: (peer, key) => peer.call('put', key, 'new'), then: 'new' },
  set: { write: (peer, key) => peer.call('set', key, 'new'), then: 'new' },
  putMany: { write: (peer, key) => peer.call('putMany', { [key]: 'new' }), then: 'new' },
  'tagged put': { write: (peer, key) => peer.tagged(['t'], 'put', key, 'new'), then: 'new' },
  increment: { write: (peer, key) => peer.call('increment', key, 2), then: 3 },
  forget: { write: (peer, key) => peer.call('forget', key), then: null },
  forgetMany: { write: (peer, key) => peer.call('forgetMany', [key]), then: null },
  pull: { write: (peer, key) => peer.call('pull', key), then: null },
  flush: { write: (peer) => peer.call('flush'), then: null },
};

/** Ways to read a key, all of which the upper tier answers. */
const READS = {
  get: (cache, key) => cache.get(key),
  many: async (cache, key) => (await cache.many([key])).get(key),
  remember: (cache, key) => cache.remember(key, () => assert.fail('it is there')),
};

/**
 * @param {string} name
 * @param {() => Promise<import('./backends.js').Backend>} start
 */
function coherence(name, start) {
  describe(name, () => {
    /** @type {import('./backends.js').Backend} */
    let backend;

    before(async () => {
      backend = await start();
    });
    after(() => backend?.stop());

    const options = (more) => tiered(backend.remote(), more);
    const open = (t, more) => openTiered(t, options(more));

    /** Fails unless there are rounds of reads of which the backend hears nothing. */
    const asksNothing = (what, reads) =>
      until(
        `${what} asks nothing`,
        async () => {
          const asked = await backend.asked();
          for (let round = 0; round < 20; round += 1) await reads();
          return (await backend.asked()) === asked;
        },
        { limit: 5000 },
      );

    describe('what the cache of another process does reaches this one', () => {
      for (const [operation, { write, then }] of Object.entries(WRITES)) {
        test(operation, LIMIT, async (t) => {
          const [cache, peer] = [await open(t), await openTieredPeer(t, options())];
          const key = fresh('elsewhere');
          await peer.call('put', key, 1);
          await comes(cache, key, (got) => got === 1);
          await kept(cache, key);
          await write(peer, key);
          await comes(cache, key, (got) => got === then);
          assert.equal(await cache.get(key), then);
          assert.equal(await peer.call('get', key), then);
        });
      }

      test('a tag flush', LIMIT, async (t) => {
        const [cache, peer] = [await open(t), await openTieredPeer(t, options())];
        const [key, other] = [fresh('tagged'), fresh('tagged')];
        const [tag, unrelated] = [fresh('tag'), fresh('tag')];
        await peer.tagged([tag, unrelated], 'put', key, 'old');
        await peer.tagged([unrelated], 'put', other, 'kept');
        await comes(cache, key, (got) => got === 'old');
        await kept(cache, key);
        await kept(cache, other);
        await peer.tagged([tag], 'flush');
        await comes(cache, key, (got) => got === null);
        assert.equal(await cache.get(other), 'kept');
      });

      test('the end of a life', LIMIT, async (t) => {
        const [cache, peer] = [await open(t), await openTieredPeer(t, options())];
        const key = fresh('touched');
        await peer.call('put', key, 'value', '1h');
        await comes(cache, key, (got) => got === 'value');
        await kept(cache, key);
        assert.equal(await peer.call('touch', key, '200ms'), true);
        await comes(cache, key, (got) => got === null);
      });
    });

    describe('what another program does reaches this process', () => {
      test('a write, and one more', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('outside');
        for (const value of ['one', 'two', 'three']) {
          await backend.write(key, value);
          await comes(cache, key, (got) => got === value);
          await kept(cache, key);
        }
      });

      test('a removal', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('outside');
        await backend.write(key, 'value');
        await comes(cache, key, (got) => got === 'value');
        await kept(cache, key);
        await backend.remove(key);
        await comes(cache, key, (got) => got === null);
      });

      test('a write to a key that held nothing', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('nothing');
        assert.equal(await cache.get(key), null);
        await asksNothing('a known miss', () => cache.get(key));
        await backend.write(key, 'value');
        await comes(cache, key, (got) => got === 'value');
      });
    });

    describe('what is kept asks nothing', () => {
      for (const [way, read] of Object.entries(READS)) {
        test(`a hit of ${way}, with tags and without`, LIMIT, async (t) => {
          const cache = await open(t);
          const [plain, tagged] = [fresh('plain'), fresh('tagged')];
          await cache.put(plain, { some: 'value' });
          await cache.tags([fresh('tag'), fresh('tag')]).put(tagged, { some: 'other' });
          await asksNothing('a hit', async () => {
            assert.deepEqual(await read(cache, plain), { some: 'value' });
            assert.deepEqual(await read(cache, tagged), { some: 'other' });
          });
        });
      }

      test('a known miss of get and many', LIMIT, async (t) => {
        const cache = await open(t);
        const [one, other] = [fresh('none'), fresh('none')];
        await asksNothing('a known miss', async () => {
          assert.equal(await cache.get(one), null);
          assert.deepEqual([...(await cache.many([one, other])).values()], [null, null]);
        });
      });

      test('a value that a factory made', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('made');
        assert.equal(await cache.tags(['made']).remember(key, () => 'made'), 'made');
        await asksNothing('a hit', async () => assert.equal(await cache.get(key), 'made'));
      });
    });

    describe('what a thread asks after its own write comes after it', () => {
      test('a put that nobody waited for', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('own');
        await cache.put(key, 0);
        await kept(cache, key);
        for (let value = 1; value <= 200; value += 1) {
          const put = cache.put(key, value);
          assert.equal(await cache.get(key), value);
          await put;
          assert.equal(await cache.get(key), value);
        }
      });

      test('also where another thread reads all the time', LIMIT, async (t) => {
        const shared = options();
        const cache = await openTiered(t, shared);
        const key = fresh('own');
        await cache.put(key, 0);
        await withThreads(2, shared, async (...threads) => {
          let writing = true;
          let reads = 0;
          const readers = threads.map(async (thread) => {
            let last = 0;
            while (writing) {
              const got = await thread.call('get', key);
              assert.ok(got >= last, `${got} came after ${last}`);
              last = got;
              reads += 1;
            }
          });
          for (let value = 1; value <= 300; value += 1) {
            const put = cache.put(key, value);
            const [got, many] = await Promise.all([cache.get(key), cache.many([key])]);
            assert.deepEqual([got, many.get(key)], [value, value]);
            await put;
            assert.equal(await cache.get(key), value);
          }
          await until('the others have read', () => reads > 20);
          writing = false;
          await Promise.all(readers);
        });
      });

      test('forget, increment, add and a tagged put too', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('own');
        const steps = [
          [() => cache.forget(key), null],
          [() => cache.add(key, 5), 5],
          [() => cache.increment(key, 2), 7],
          [() => cache.tags(['own']).put(key, 'tagged'), 'tagged'],
          [() => cache.pull(key), null],
          [() => cache.putMany({ [key]: 1 }), 1],
        ];
        for (let round = 0; round < 10; round += 1) {
          for (const [write, then] of steps) {
            const written = /** @type {() => Promise<unknown>} */ (write)();
            assert.equal(await cache.get(key), then);
            await written;
            assert.equal(await cache.get(key), then);
            assert.equal((await cache.many([key])).get(key), then);
          }
        }
      });

      test('a tag flush and a flush, once they are answered', LIMIT, async (t) => {
        const cache = await open(t);
        const key = fresh('own');
        for (let round = 0; round < 20; round += 1) {
          await cache.tags(['own']).put(key, 1);
          await kept(cache, key);
          await (round % 2 === 0 ? cache.tags(['own']).flush() : cache.flush());
          assert.equal(await cache.get(key), null);
        }
      });
    });

    describe('a read that is under way when the value changes', () => {
      const changes = {
        'another program writes': (key) => backend.write(key, 'new'),
        'another process writes': (key, peer) => peer.call('put', key, 'new'),
        'another process removes it': (key, peer) => peer.call('forget', key),
      };
      for (const [what, change] of Object.entries(changes)) {
        test(`is answered and not kept: ${what}`, LIMIT, async (t) => {
          const cache = await open(t);
          // Past what is held: another process is not held up by what holds this one.
          const peer = await openTieredPeer(t, tiered(backend.direct()));
          const key = fresh('flight');
          await backend.write(key, 'old');
          const held = await backend.holdRead();
          const reading = cache.get(key);
          await held.arrived;
          await change(key, peer);
          held.release();
          assert.equal(await reading, 'old');
          const now = await peer.call('get', key);
          assert.notEqual(now, 'old');
          await comes(cache, key, (got) => got === now, 2000);
          assert.equal(await cache.get(key), now);
        });
      }
    });

    tiers({ backend: () => backend, options, asksNothing });

    test('a cache that is closed leaves no connection', LIMIT, async (t) => {
      await until('nobody is connected', async () => (await backend.connections()) === 0);
      const cache = await open(t);
      assert.ok((await backend.connections()) >= 1);
      await cache.close();
      await until('nobody is connected', async () => (await backend.connections()) === 0, { limit: 5000 });
    });
  });
}

module.exports = { coherence };
