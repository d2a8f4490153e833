'use strict';

// Slots that move from one primary of a cluster to another while they are used.

const assert = require('node:assert/strict');
const { after, before, beforeEach, describe, test } = require('node:test');

const { openFor } = require('../../support/open.js');
const { startCluster } = require('../support/cluster.js');
const { until } = require('../../support/wait.js');
const { openPeer } = require('./peer.js');
const { startTraffic } = require('./traffic.js');
require('../../support/alive.js');

const LIMIT = { timeout: 40_000 };

let cluster;

before(async () => {
  cluster = await startCluster(null, { replicas: 0 });
});
after(() => cluster?.stop());
beforeEach(async () => {
  for (const server of await cluster.primaries()) await server.cli('FLUSHALL');
});

const options = (more) => ({
  driver: 'redis',
  failOpen: false,
  config: { cluster: { nodes: cluster.nodes }, commandTimeout: '1s', reconnectDelay: '20ms', ...more },
});

/** A slot's number, and a primary that has it not. */
async function somewhereElse(tag) {
  const slot = await cluster.slotOf(`{${tag}}`);
  const owner = await cluster.owner(slot);
  const to = (await cluster.primaries()).find((server) => server !== owner);
  return { slot, to };
}

/** How often the servers have sent a client elsewhere. */
async function redirections() {
  const counts = await Promise.all(
    (await cluster.primaries()).map(async (server) => {
      const stats = await server.info('errorstats');
      return ['errorstat_MOVED', 'errorstat_ASK'].map((name) => Number(stats[name]?.split('=')[1] ?? 0));
    }),
  );
  return counts.flat().reduce((sum, count) => sum + count, 0);
}

describe('a slot that moves', () => {
  test('is used all the while, and nobody loses a write or waits', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const moving = Array.from({ length: 8 }, (_, at) => `{traffic}${at}`);
    const others = Array.from({ length: 8 }, (_, at) => `elsewhere ${at}`);
    const traffic = startTraffic(t, cache, [...moving, ...others]);
    await traffic.rounds();
    traffic.forgetTimes();

    for (let way = 0; way < 2; way += 1) {
      const { slot, to } = await somewhereElse('traffic');
      await cluster.migrateSlot(slot, to, {
        during: async ({ moveKeys }) => {
          await traffic.rounds();
          assert.equal(await moveKeys(moving.length), moving.length, 'half of the keys: each has a counter');
          await traffic.rounds();
          await moveKeys();
          await traffic.rounds();
        },
      });
      await traffic.rounds();
    }
    const wrong = await traffic.stop();
    t.diagnostic(`slowest operation: ${traffic.slowest.toFixed(0)} ms`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(traffic.failures, []);
    assert.ok(traffic.slowest < 1000, `an operation took ${traffic.slowest} ms`);
  });

  test(
    'serves every operation, on keys that have moved, that have not, and that are new',
    LIMIT,
    async (t) => {
      const cache = openFor(t, options());
      const { slot, to } = await somewhereElse('all');
      const tagged = cache.tags(['{all}tag']);
      const names = ['a', 'b', 'c', 'd'].map((name) => `{all}${name}`);

      const everything = async (phase) => {
        const own = `{all}new ${phase}`;
        await cache.put(own, phase);
        assert.equal(await cache.get(own), phase);
        assert.equal(await cache.add(own, 'other'), false);
        assert.equal(await cache.touch(own, '1m'), true);
        assert.ok((await cache.ttl(own)) <= 60);
        assert.equal(await cache.pull(own), phase);
        assert.equal(await cache.add(own, phase), true);
        assert.deepEqual([...(await cache.many(names)).values()], names, phase);
        for (const name of names) {
          assert.equal(await cache.has(name), true);
          assert.equal(await cache.touch(name, '1h'), true);
          await cache.put(name, 'changed');
          assert.equal(await cache.pull(name), 'changed');
          assert.equal(await cache.remember(name, () => name), name);
        }
        await cache.put('{all}packed', { text: 'x'.repeat(20_000) });
        assert.equal((await cache.get('{all}packed')).text.length, 20_000);
        assert.equal(await cache.increment('{all}count'), (await cache.decrement('{all}count', -1)) - 1);
        await tagged.put('tagged elsewhere', phase);
        await tagged.put('{all}tagged', phase);
        assert.equal(await cache.get('tagged elsewhere'), phase);
        assert.equal(await cache.get('{all}tagged'), phase);
        await tagged.flush();
        assert.deepEqual(
          await cache.many(['tagged elsewhere', '{all}tagged']),
          new Map([
            ['tagged elsewhere', null],
            ['{all}tagged', null],
          ]),
        );
        const lock = await cache.lock('{all}lock', { maxRetries: 0 });
        assert.equal(lock.acquired, true);
        assert.equal((await cache.lock('{all}lock', { maxRetries: 0 })).acquired, false);
        assert.equal(await lock.extend('1m'), true);
        assert.equal(await lock.release(), true);
        assert.equal(await cache.forgetMany([own, '{all}packed', '{all}none']), 2);
        await cache.putMany(names.map((name) => [name, name]));
      };

      await cache.putMany(names.map((name) => [name, name]));
      await everything('before');
      await cluster.migrateSlot(slot, to, {
        during: async ({ moveKeys }) => {
          await everything('marked');
          await moveKeys(3);
          await everything('some have moved');
          await moveKeys();
          await everything('all have moved');
        },
      });
      await everything('after');
    },
  );

  test('keeps a lock that is held, and its fencing number grows', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const { slot, to } = await somewhereElse('locked');
    const lock = await cache.lock('{locked}', '1m');
    await cluster.migrateSlot(slot, to, {
      during: async ({ moveKeys }) => {
        assert.equal((await cache.lock('{locked}', { maxRetries: 0 })).acquired, false);
        assert.equal(await moveKeys(), 1);
        assert.equal((await cache.lock('{locked}', { maxRetries: 0 })).acquired, false);
      },
    });
    assert.equal(await lock.extend('1m'), true);
    assert.equal(await lock.release(), true);
    const next = await cache.lock('{locked}', { maxRetries: 0 });
    assert.ok(next.acquired && next.token > lock.token);
    await next.release();
  });

  test('what is asked of a key without awaiting takes effect in its order', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const keys = Array.from({ length: 4 }, (_, at) => `{order}${at}`);
    let problems = 0;
    let asked = 0;
    const read = async (value, expected) => {
      if ((await value) !== expected) problems += 1;
    };
    for (let round = 0; round < 20; round += 1) {
      const { slot, to } = await somewhereElse('order');
      const waiting = [];
      let stopped = false;
      const write = async () => {
        for (let number = 1; !stopped; number += 1) {
          for (const key of keys) {
            // The write before this one is of another turn, and so of another pipeline.
            if (number > 1) waiting.push(read(cache.get(key), number - 1));
            waiting.push(cache.put(key, number));
            asked += 1;
          }
          if (waiting.length > 2000) await Promise.all(waiting.splice(0));
          await new Promise(setImmediate);
        }
        await Promise.all(waiting);
      };
      const writing = write();
      await cluster.migrateSlot(slot, to, { during: ({ moveKeys }) => moveKeys() });
      stopped = true;
      await writing;
    }
    assert.equal(problems, 0, `${problems} of ${asked} reads gave another value than was put before them`);
  });

  test(
    'a caller in another process is told at once of a run on a key that is new there',
    LIMIT,
    async (t) => {
      const cache = openFor(t, options());
      const peer = await openPeer(t, options());
      const { slot, to } = await somewhereElse('run');
      await cluster.migrateSlot(slot, to, {
        during: async () => {
          const run = peer.remember('{run}key');
          await run.started;
          const first = await redirections();
          const joined = cache.remember('{run}key', () => assert.fail('the other process runs it'));
          await until('the caller has asked', async () => (await redirections()) > first);
          // Whoever waits looks from time to time. It does not go round in circles.
          const began = performance.now();
          await new Promise((resolve) => {
            setTimeout(resolve, 500);
          });
          const rate = ((await redirections()) - first) / ((performance.now() - began) / 1000);
          const answered = performance.now();
          run.resolve('computed');
          assert.equal(await joined, 'computed');
          const late = performance.now() - answered;
          t.diagnostic(`${rate.toFixed(0)} redirections a second; told after ${late.toFixed(0)} ms`);
          assert.equal(await run.outcome, 'computed');
          assert.ok(late < 500, `the caller was told after ${late} ms`);
          assert.ok(rate < 100, `${rate} redirections a second for one caller who waits`);
        },
      });
    },
  );
});

describe('while a slot moves', () => {
  const keys = Array.from({ length: 40 }, (_, at) => (at < 20 ? `{listed}${at}` : `listed ${at}`));

  async function all(cache) {
    const found = [];
    for await (const key of cache.keys()) found.push(key);
    return found.sort();
  }

  test('keys() lists each key, and flush() removes each, in every phase', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const check = async () => {
      assert.deepEqual(await all(cache), [...keys].sort());
      await cache.flush();
      assert.deepEqual(await all(cache), []);
    };
    const fill = () => cache.putMany(keys.map((key) => [key, key]));
    await fill();
    for (let way = 0; way < 2; way += 1) {
      const { slot, to } = await somewhereElse('listed');
      await cluster.migrateSlot(slot, to, {
        during: async ({ moveKeys }) => {
          await check();
          await fill();
          await moveKeys(10);
          // Some are on the one server, some on the other.
          await check();
          await fill();
          await moveKeys();
          await check();
          await fill();
        },
      });
      await check();
      await fill();
    }
  });

  test('flush() removes what moves under its hands', LIMIT, async (t) => {
    const cache = openFor(t, options());
    for (let round = 0; round < 6; round += 1) {
      const moving = Array.from({ length: 600 }, (_, at) => `{flushed}${at}`);
      await cache.putMany(moving.map((key) => [key, 1]));
      const { slot, to } = await somewhereElse('flushed');
      await cluster.migrateSlot(slot, to, {
        during: ({ moveKeys }) => Promise.all([moveKeys(), cache.flush()]),
      });
      assert.deepEqual(await all(cache), [], `round ${round}`);
    }
  });
});
