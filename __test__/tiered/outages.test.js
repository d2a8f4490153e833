'use strict';

// What the upper tier does when the lower one stops to tell of changes, or is not there.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');

const { isDown, round } = require('../support/outages/operations.js');
const { Watch } = require('../support/outages/watch.js');
const { until } = require('../support/wait.js');
const { BACKENDS, startRedis } = require('./support/backends.js');
const open = require('./support/open.js');
require('../support/alive.js');

const { LIMIT, fresh, comes, distrusted, isTrusted, kept, openTiered, tierOf, tiered, trusted } = open;

/** What a lower tier is given to answer, and how soon it is asked for again. */
const TIMES = {
  commandTimeout: '300ms',
  connectTimeout: '500ms',
  reconnectDelay: '20ms',
  maxReconnectDelay: '200ms',
};

for (const [name, start] of Object.entries(BACKENDS)) {
  describe(`over ${name}`, () => {
    /** @type {import('./support/backends.js').Backend} */
    let backend;

    before(async () => {
      backend = await start();
    });
    after(() => backend?.stop());

    /** A cache, and a watch that nothing is unhandled. */
    async function world(t, { maxStaleness = undefined, ...more } = {}) {
      const watch = new Watch();
      const config = { ...(maxStaleness && { maxStaleness }), remote: TIMES };
      const cache = await openTiered(t, tiered(backend.remote(), { ...more, config }));
      cache.on('error', (event) => watch.say(event));
      cache.on('disconnect', (event) => watch.say(event));
      t.after(async () => {
        await backend.up();
        backend.restoreChanges();
        backend.releaseChanges();
        watch.end(cache);
      });
      return cache;
    }

    /** Keys that the upper tier has, and will have until something else happens. */
    async function filled(cache, count = 5) {
      const keys = Array.from({ length: count }, () => fresh('kept'));
      for (const key of keys) await cache.put(key, 'old', '1h');
      // The word of these writes may come after their values: words come in order, so behind a later one none is left.
      const last = fresh('last');
      await cache.put(last, 'old', '1h');
      await kept(cache, last);
      await backend.write(last, 'new');
      await comes(cache, last, (got) => got === 'new');
      for (const key of keys) await kept(cache, key);
      return keys;
    }

    /** The lower tier is there again, and that is known. */
    async function returns(cache) {
      await backend.up();
      await until('it is connected', async () => {
        await cache.ready();
        return (await cache.stats()).connection.state === 'up';
      });
      await trusted(cache);
    }

    const overwrite = (keys) => Promise.all(keys.map((key) => backend.write(key, 'new')));

    test('changes that are told no more are distrusted, and asked for', LIMIT, async (t) => {
      const cache = await world(t);
      const keys = await filled(cache);
      backend.loseChanges();
      await distrusted(cache);
      for (const key of keys) {
        assert.equal(await tierOf(cache, key), backend.driver);
        await backend.write(key, 'new');
        assert.equal(await cache.get(key), 'new');
        assert.equal((await cache.many([key])).get(key), 'new');
        assert.equal(await cache.remember(key, () => assert.fail('it is there')), 'new');
        assert.equal(await tierOf(cache, key), backend.driver);
      }
      assert.equal(await isTrusted(cache), false);
      backend.restoreChanges();
      await trusted(cache);
      await kept(cache, keys[0]);
    });

    test('a stream that stands still is distrusted after a while', LIMIT, async (t) => {
      const cache = await world(t);
      const keys = await filled(cache);
      backend.holdChanges();
      await overwrite(keys);
      // By a deadline of its own, not by a change that it could see.
      await comes(cache, keys[0], (got) => got === 'new');
      for (const key of keys) assert.equal(await cache.get(key), 'new');
      backend.releaseChanges();
      await trusted(cache);
      for (const key of keys) assert.equal(await cache.get(key), 'new');
    });

    for (const maxStaleness of [0, '1h']) {
      test(`it starts clean after reconnecting (maxStaleness ${maxStaleness})`, LIMIT, async (t) => {
        const cache = await world(t, { maxStaleness });
        const none = fresh('none');
        for (let pass = 0; pass < 3; pass += 1) {
          const keys = await filled(cache);
          const tag = fresh('tag');
          const tagged = fresh('tagged');
          await cache.tags([tag]).put(tagged, 'old', '1h');
          await kept(cache, tagged);
          await backend.remove(none);
          await comes(cache, none, (got) => got === null);
          backend.loseChanges();
          await distrusted(cache);
          // Nobody reads meanwhile.
          await overwrite([...keys, tagged, none]);
          backend.restoreChanges();
          await trusted(cache);
          for (const key of [...keys, tagged, none]) assert.equal(await cache.get(key), 'new');
        }
      });
    }

    test('one that is lost again and again never leaves anything old', LIMIT, async (t) => {
      const cache = await world(t);
      const key = fresh('blink');
      for (let version = 1; version <= 30; version += 1) {
        if (version % 3 === 0) backend.blinkChanges();
        await backend.write(key, version);
        if (version % 3 === 1) backend.blinkChanges();
        await comes(cache, key, (got) => got === version);
        for (let look = 0; look < 5; look += 1) assert.equal(await cache.get(key), version);
      }
    });

    test('within maxStaleness what is kept is served, and nothing more is kept', LIMIT, async (t) => {
      const cache = await world(t, { maxStaleness: '1h' });
      const keys = await filled(cache);
      const other = fresh('other');
      backend.loseChanges();
      await distrusted(cache);
      await overwrite([...keys, other]);
      for (const key of keys) {
        assert.equal(await cache.get(key), 'old');
        assert.equal(await tierOf(cache, key), 'memory');
      }
      for (let look = 0; look < 3; look += 1) assert.equal(await tierOf(cache, other), backend.driver);
      assert.equal(await cache.get(keys[0], { fresh: true }), 'new');
      // What is written here is not served old here, however stale it may be.
      await cache.put(keys[1], 'own');
      assert.equal(await cache.get(keys[1]), 'own');
      backend.restoreChanges();
      await comes(cache, keys[2], (got) => got === 'new');
    });

    test('after maxStaleness nothing of it is served', LIMIT, async (t) => {
      const cache = await world(t, { maxStaleness: '500ms' });
      const keys = await filled(cache);
      backend.loseChanges();
      await distrusted(cache);
      const seen = performance.now();
      await overwrite(keys);
      // It was lost before that was seen: so its time is over by then.
      await until('the time is over', () => performance.now() - seen > 500, { every: 5 });
      for (const key of keys) assert.equal(await cache.get(key), 'new');
      // A second failure prolongs nothing.
      backend.blinkChanges();
      await turn();
      for (const key of keys) assert.equal(await cache.get(key), 'new');
    });

    test('twenty who ask in one tick, at the moment of distrust, share a few requests', LIMIT, async (t) => {
      const cache = await world(t);
      const [key] = await filled(cache, 1);
      backend.loseChanges();
      await distrusted(cache);
      const costs = async (ask) => {
        const earlier = await backend.asked();
        await ask();
        return (await backend.asked()) - earlier;
      };
      const one = await costs(() => cache.get(key));
      assert.ok(one > 0);
      // What a tick asks goes on its way in batches of some eight at least; those of a batch share one request.
      const most = 3 * one;
      const twenty = Array.from({ length: 20 });
      const gets = await costs(() => Promise.all(twenty.map(() => cache.get(key))));
      assert.ok(gets <= most, `${gets} requests for twenty gets, ${one} for one`);
      const lists = await costs(() => Promise.all(twenty.map(() => cache.many([key, key]))));
      assert.ok(lists <= most, `${lists} requests for twenty lists, ${one} for one`);
      const asks = await costs(() => Promise.all(twenty.map(() => cache.remember(key, () => assert.fail()))));
      assert.ok(asks <= 2 * most, `${asks} requests for twenty remembers, ${one} for one get`);
    });

    for (const failOpen of [true, false]) {
      test(`a lower tier that is gone, failOpen: ${failOpen}`, LIMIT, async (t) => {
        const cache = await world(t, { failOpen });
        const [key] = await filled(cache, 1);
        backend.down();
        await distrusted(cache);
        const down = async () => (await cache.stats()).connection.state === 'down';
        await until('it is known to be gone', async () => {
          await cache.get(fresh('gone')).catch(() => {});
          return down();
        });
        const errors = [];
        cache.on('error', (event) => errors.push(event.operation));
        // Nothing is served that may be out of date.
        if (failOpen) assert.equal(await cache.get(key), null);
        else await assert.rejects(cache.get(key), { code: 'CACHE_UNAVAILABLE' });
        const records = await round(cache);
        const wrong = records.filter((record) => !isDown(record, { failOpen }));
        assert.deepEqual(wrong, []);
        const told = ['get', 'put', 'remember'].every((operation) => errors.includes(operation));
        assert.equal(told, failOpen);
        await returns(cache);
        await cache.put(key, 'again');
        assert.equal(await cache.get(key), 'again');
        await kept(cache, key);
      });
    }

    test('a lower tier that is gone: what is kept is served within maxStaleness', LIMIT, async (t) => {
      const cache = await world(t, { failOpen: true, maxStaleness: '1h' });
      const keys = await filled(cache);
      backend.down();
      await distrusted(cache);
      for (const key of keys) {
        assert.equal(await cache.get(key), 'old');
        assert.equal(await cache.remember(key, () => assert.fail('it is there')), 'old');
      }
      assert.equal(await cache.get(fresh('unknown')), null);
      await assert.rejects(cache.forget(keys[0]), ({ code }) =>
        ['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'].includes(code),
      );
      await backend.up();
      await overwrite(keys);
      await returns(cache);
      for (const key of keys) assert.equal(await cache.get(key), 'new');
    });
  });
}

describe('a Redis server', () => {
  /** @type {Awaited<ReturnType<typeof startRedis>>} */
  let backend;

  before(async () => {
    backend = await startRedis();
  });
  after(() => backend?.stop());

  const start = (t, more) => openTiered(t, tiered(backend.remote(), { ...more, config: { remote: TIMES } }));

  /** Ends the connections on which changes are told, as an administrator does. */
  async function killTracking() {
    const clients = (await backend.server.cli('CLIENT', 'LIST')).split('\n');
    const tracking = clients.filter((client) => /flags=\w*B/.test(client));
    assert.ok(tracking.length > 0);
    for (const client of tracking) {
      await backend.server.cli('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(client)?.[1]);
    }
  }

  const kills = {
    'CLIENT KILL ID': killTracking,
    'CLIENT KILL TYPE normal': () => backend.server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  };
  for (const [name, kill] of Object.entries(kills)) {
    test(`that ends connections (${name}) is believed again, and nothing old is`, LIMIT, async (t) => {
      const cache = await start(t, { failOpen: true });
      cache.on('error', () => {});
      const key = fresh('ended');
      for (let version = 1; version <= 10; version += 1) {
        await until('it is stored', async () => {
          await cache.put(key, version, '1h');
          return (await cache.get(key, { fresh: true })) === version;
        });
        await kept(cache, key);
        await kill();
        await backend.server.cli('SET', `cache:${key}`, `${version}.5`);
        await comes(cache, key, (got) => got === version + 0.5);
        await trusted(cache);
      }
    });
  }

  test('that stops and goes on', LIMIT, async (t) => {
    const cache = await start(t, { failOpen: true });
    cache.on('error', () => {});
    const key = fresh('stopped');
    await cache.put(key, 'old', '1h');
    await kept(cache, key);
    backend.server.pause();
    await distrusted(cache);
    assert.equal(await cache.get(key), null);
    backend.server.resume();
    await trusted(cache);
    await comes(cache, key, (got) => got === 'old');
    await kept(cache, key);
  });

  test('that dies and comes back empty', LIMIT, async (t) => {
    const cache = await start(t, { failOpen: true });
    cache.on('error', () => {});
    const key = fresh('died');
    await cache.tags(['died']).put(key, 'old', '1h');
    await kept(cache, key);
    await backend.server.restart();
    await distrusted(cache).catch(() => {});
    await trusted(cache);
    assert.equal(await cache.get(key), null);
    await backend.server.cli('SET', `cache:${key}`, '"new"');
    await comes(cache, key, (got) => got === 'new');
  });
});
