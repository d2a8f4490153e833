'use strict';

// Two tiers over a Redis Cluster.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { startCluster } = require('../redis/support/cluster.js');
const { openFor } = require('../support/open.js');
const { until } = require('../support/wait.js');
const open = require('./support/open.js');
require('../support/alive.js');

const { LIMIT, comes, distrusted, fresh, kept, openTiered, openTieredPeer, tiered, trusted } = open;

const TIMES = {
  commandTimeout: '500ms',
  connectTimeout: '500ms',
  reconnectDelay: '20ms',
  maxReconnectDelay: '200ms',
};

/** How far a process may be behind, in milliseconds: it knows after 1.5 s that it is not told of changes. */
const BOUND = 2500;

describe('a cluster', () => {
  /** @type {Awaited<ReturnType<typeof startCluster>>} */
  let cluster;

  before(async () => {
    cluster = await startCluster(null, { args: ['--cluster-require-full-coverage', 'no'] });
  });
  after(() => cluster?.stop());

  const options = (more) =>
    tiered({ driver: 'redis', cluster: { nodes: cluster.nodes }, ...TIMES }, { ...more });

  const ownerOf = async (key) => cluster.owner(await cluster.slotOf(`cache:${key}`));

  /** So many keys on each of the primaries. */
  async function spread(count) {
    const keys = new Map((await cluster.primaries()).map((primary) => [primary, []]));
    while ([...keys.values()].some((list) => list.length < count)) {
      const key = fresh('spread');
      const list = keys.get(await ownerOf(key));
      if (list !== undefined && list.length < count) list.push(key);
    }
    return keys;
  }

  /** Writes as another program does, to whichever server has the key. */
  const write = async (key, value) => (await ownerOf(key)).cli('SET', `cache:${key}`, JSON.stringify(value));

  test('every primary tells of its changes', LIMIT, async (t) => {
    const [cache, peer] = [await openTiered(t, options()), await openTieredPeer(t, options())];
    const keys = [...(await spread(3)).values()].flat();
    for (const key of keys) {
      await peer.call('put', key, 'old');
      await comes(cache, key, (got) => got === 'old');
      await kept(cache, key);
    }
    for (const [at, key] of keys.entries()) {
      if (at % 2 === 0) await peer.call('put', key, 'new');
      else await write(key, 'new');
      await comes(cache, key, (got) => got === 'new');
    }
    const { memory, connection } = await cache.stats();
    assert.deepEqual([memory.trusted, memory.invalidation, connection?.protocol], [true, 'tracking', 3]);
  });

  test('tags, flushes, counters and what is not there', LIMIT, async (t) => {
    const [cache, peer] = [await openTiered(t, options()), await openTieredPeer(t, options())];
    const keys = [...(await spread(2)).values()].flat();
    const tag = fresh('tag');
    for (const key of keys) {
      assert.equal(await cache.get(key), null);
      await peer.tagged([tag], 'put', key, 'tagged');
      await comes(cache, key, (got) => got === 'tagged');
      await kept(cache, key);
    }
    assert.deepEqual(
      [...(await cache.many(keys)).values()],
      keys.map(() => 'tagged'),
    );
    await peer.tagged([tag], 'flush');
    for (const key of keys) await comes(cache, key, (got) => got === null);
    for (const key of keys) {
      assert.equal(await cache.increment(key, 2), 2);
      assert.equal(await cache.get(key), 2);
      assert.equal(await peer.call('increment', key, 3), 5);
      await comes(cache, key, (got) => got === 5);
    }
    await peer.call('flush');
    for (const key of keys) await comes(cache, key, (got) => got === null);
    for (const key of keys) assert.equal(await cache.remember(key, () => 'made'), 'made');
  });

  test('one of three streams that is lost is one too many', LIMIT, async (t) => {
    const cache = await openTiered(t, options());
    const key = fresh('one');
    await cache.put(key, 'old');
    await kept(cache, key);
    const [primary] = await cluster.primaries();
    primary.pause();
    try {
      await distrusted(cache);
    } finally {
      primary.resume();
    }
    await cluster.settled();
    await trusted(cache);
    await kept(cache, key);
  });

  /** What happens to a primary, under traffic. */
  const changes = {
    'hands over': (primary) => cluster.failover(primary),
    dies: async (primary) => {
      await cluster.killPrimary(primary);
      await cluster.settled();
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`a primary ${what}: nothing old is read after it`, { timeout: 90_000 }, async (t) => {
      const cache = await openTiered(t, options());
      const writer = openFor(t, options());
      await writer.ready();
      const keys = [...(await spread(2)).values()].flat();
      /** What was acknowledged last, and when. @type {Map<string, { version: number, at: number }>} */
      const stored = new Map();
      const [primary] = await cluster.primaries();
      // What dies with its primary was stored, and is gone: that is Redis's promise, and not more.
      const lossy = new Set(what === 'dies' ? await keysOf(primary, keys) : []);
      const late = [];
      let running = true;
      let rounds = 0;
      const writing = async (key) => {
        for (let version = 1; running; version += 1) {
          const written = await writer.put(key, version).then(
            () => true,
            () => false,
          );
          if (written) stored.set(key, { version, at: performance.now() });
          await new Promise((resolve) => {
            setTimeout(resolve, 5);
          });
        }
      };
      const reading = async (key) => {
        while (running) {
          const asked = performance.now();
          const { version = 0, at = Infinity } = stored.get(key) ?? {};
          const got = await cache.get(key).catch(() => undefined);
          rounds += 1;
          // What had been acknowledged longer ago than a process may be behind.
          if (got !== undefined && asked - at > BOUND && !(got >= version)) late.push({ key, got, version });
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      };
      const traffic = keys.flatMap((key) => [writing(key), reading(key)]);
      await until('the traffic flows', () => rounds > 200);
      await change(primary);
      await trusted(cache);
      const soFar = rounds;
      await until('the traffic flows again', () => rounds > soFar + 500);
      running = false;
      await Promise.all(traffic);
      const wrong = late.filter(({ key }) => !lossy.has(key));
      assert.deepEqual(wrong.slice(0, 5), [], `${wrong.length} of ${rounds} reads`);
      // All of them say in the end what the servers say, and hear of the next change.
      for (const key of keys) {
        const there = JSON.parse((await (await ownerOf(key)).cli('GET', `cache:${key}`)) ?? 'null');
        await comes(cache, key, (got) => got === there);
        await write(key, 'last');
        await comes(cache, key, (got) => got === 'last');
      }
      for (const server of cluster.servers) if (!server.running) await server.restart();
      await cluster.settled();
    });
  }

  async function keysOf(primary, keys) {
    const own = [];
    for (const key of keys) if ((await ownerOf(key)) === primary) own.push(key);
    return own;
  }
});
