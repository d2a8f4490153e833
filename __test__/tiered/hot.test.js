'use strict';

// The hot tier above the tiered driver: a hit asks nobody, and nobody can tell but by its speed.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { binding } = require('../../lib/native.js');
const { Watch } = require('../support/outages/watch.js');
const { BACKENDS } = require('./support/backends.js');
const { LIMIT, comes, distrusted, fresh, kept, openTiered, tiered, trusted } = require('./support/open.js');
require('../support/alive.js');

const value = () => ({ id: 1, list: [{ a: 1 }, [2]], inner: { text: 'x', none: null } });

/** How often the core is asked what it has in memory, while `work` is done. */
async function looks(work) {
  const { near } = binding;
  let count = 0;
  binding.near = (...args) => {
    count += 1;
    return near(...args);
  };
  try {
    await work();
  } finally {
    binding.near = near;
  }
  return count;
}

/** Resolves when this thread has a copy of a key that is valid. */
async function hot(cache, key) {
  await kept(cache, key);
  assert.equal(await looks(() => cache.get(key)), 0, 'there is a copy');
}

for (const [name, start] of Object.entries(BACKENDS)) {
  describe(`over ${name}`, () => {
    /** @type {import('./support/backends.js').Backend} */
    let backend;

    before(async () => {
      backend = await start();
    });
    after(() => backend?.stop());

    const options = (more) => tiered(backend.remote(), more);

    test('get, remember and a tagged get of what is read often ask nobody', LIMIT, async (t) => {
      const cache = await openTiered(t, options());
      const [plain, tagged] = [fresh('plain'), fresh('tagged')];
      await cache.put(plain, value());
      await cache.tags(['t', 'u']).put(tagged, value());
      for (const key of [plain, tagged]) {
        await hot(cache, key);
        const { hits } = (await cache.stats()).memory;
        const asked = await looks(async () => {
          for (let times = 0; times < 10; times += 1) {
            assert.deepEqual(await cache.get(key), value());
            assert.deepEqual(await cache.remember(key, () => assert.fail('there is a value')), value());
          }
        });
        assert.equal(asked, 0);
        assert.equal((await cache.stats()).memory.hits, hits + 20, 'they are counted all the same');
      }
    });

    test('a copy is the reader’s own', LIMIT, async (t) => {
      const cache = await openTiered(t, options());
      const key = fresh('own');
      await cache.put(key, value());
      await hot(cache, key);
      const read = await cache.get(key);
      read.inner.text = 'changed';
      read.list.push('more');
      assert.deepEqual(await cache.get(key), value());
    });

    test('isolation: frozen hands out one frozen value, whichever tier gives it', LIMIT, async (t) => {
      const cache = await openTiered(t, options({ config: { memory: { isolation: 'frozen' } } }));
      const key = fresh('frozen');
      await cache.put(key, value());
      const below = await cache.get(key, { fresh: true });
      await hot(cache, key);
      const above = await cache.get(key);
      assert.equal(await cache.get(key), above);
      for (const read of [below, above]) {
        assert.deepEqual(read, value());
        assert.throws(() => read.list.push('more'), TypeError);
        assert.throws(() => {
          read.inner.text = 'changed';
        }, TypeError);
      }
    });

    test('hot: false keeps none', LIMIT, async (t) => {
      const cache = await openTiered(t, options({ config: { memory: { hot: false } } }));
      const key = fresh('cold');
      await cache.put(key, 1);
      await kept(cache, key);
      assert.equal(await looks(() => cache.get(key)), 1);
    });

    describe('a change ends the copies of the process: of who made it with what he asks next, of all when it is answered', () => {
      const operations = {
        put: { ask: (cache, key) => cache.put(key, 'new'), then: 'new' },
        'put with a tag': { ask: (cache, key) => cache.tags(['t']).put(key, 'new'), then: 'new' },
        forget: { ask: (cache, key) => cache.forget(key), then: null },
        increment: { ask: (cache, key) => cache.increment(key, 2), tags: [], then: 3 },
        // Order is what one key has.
        'flush of its tag': { ask: (cache) => cache.tags(['t']).flush(), then: null, ordered: false },
        flush: { ask: (cache) => cache.flush(), then: null, ordered: false },
      };
      for (const [operation, { ask, tags = ['t'], then, ordered = true }] of Object.entries(operations)) {
        test(operation, LIMIT, async (t) => {
          const shared = options();
          const [cache, other] = [await openTiered(t, shared), await openTiered(t, shared)];
          const key = fresh('seen');
          await cache.tags(tags).put(key, 1);
          await hot(cache, key);
          await hot(other, key);
          const asked = ask(cache, key);
          let read;
          const looked = await looks(() => {
            read = cache.get(key);
          });
          assert.equal(looked, 1, 'no copy is handed out from here on');
          await asked;
          const [mine, others] = [await cache.get(key), await other.get(key)];
          assert.deepEqual([mine, others], [then, then]);
          if (ordered) assert.equal(await read, then);
        });
      }
    });

    test('another program’s write ends a copy', LIMIT, async (t) => {
      const cache = await openTiered(t, options());
      const key = fresh('elsewhere');
      await cache.put(key, 'old');
      await hot(cache, key);
      await backend.write(key, 'new');
      await comes(cache, key, (got) => got === 'new');
      await hot(cache, key);
      await backend.remove(key);
      await comes(cache, key, (got) => got === null);
    });

    for (const maxStaleness of [0, '1h']) {
      test(
        `when changes are told no more, no copy is served (maxStaleness: ${maxStaleness})`,
        LIMIT,
        async (t) => {
          const watch = new Watch();
          const config = { maxStaleness, remote: { reconnectDelay: '20ms', maxReconnectDelay: '200ms' } };
          const cache = await openTiered(t, options({ config }));
          cache.on('error', (event) => watch.say(event));
          const key = fresh('lost');
          await cache.put(key, 'old');
          await hot(cache, key);
          backend.loseChanges();
          t.after(() => backend.restoreChanges());
          await distrusted(cache);
          // The core decides, each time: it knows of the staleness that is allowed.
          assert.equal(
            await looks(async () => {
              for (let times = 0; times < 5; times += 1) assert.equal(await cache.get(key), 'old');
            }),
            5,
          );
          backend.restoreChanges();
          await trusted(cache);
          await hot(cache, key);
          watch.end(cache);
        },
      );
    }

    test('a cache that is closed hands out nothing', LIMIT, async (t) => {
      const cache = await openTiered(t, options());
      const key = fresh('closed');
      await cache.put(key, 1);
      await hot(cache, key);
      const closing = cache.close();
      await assert.rejects(cache.get(key), { code: 'CACHE_CLOSED' });
      await closing;
    });
  });
}
