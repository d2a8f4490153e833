'use strict';

// Primaries of a cluster that hand over, die, stall and come back while they are used.

const assert = require('node:assert/strict');
const { after, afterEach, before, describe, test } = require('node:test');

const { openFor } = require('../../support/open.js');
const { record } = require('../../support/events.js');
const { startCluster } = require('../support/cluster.js');
const { until } = require('../../support/wait.js');
const { openPeer } = require('./peer.js');
const { startTraffic } = require('./traffic.js');
require('../../support/alive.js');

const LIMIT = { timeout: 60_000 };
const TIMEOUT = 400;
/** What an operation may take beyond its time-out on a machine that is busy with seven servers. */
const SLACK = 250;

let cluster;

before(async () => {
  // Without this a shard that is down makes Redis itself refuse all others.
  cluster = await startCluster(null, { args: ['--cluster-require-full-coverage', 'no'] });
});
after(() => cluster?.stop());
// A test that has failed leaves the next one a whole cluster.
afterEach(async () => {
  for (const server of cluster.servers) {
    if (server.paused) server.resume();
    if (!server.running) await server.restart();
  }
  await cluster.settled();
});

const options = (more) => ({
  driver: 'redis',
  failOpen: false,
  config: {
    cluster: { nodes: cluster.nodes },
    commandTimeout: `${TIMEOUT}ms`,
    reconnectDelay: '20ms',
    maxReconnectDelay: '200ms',
  },
  ...more,
});

const ofPrimary = async (server, name) => (await cluster.owner(await cluster.slotOf(name))) === server;

/** Names of keys: so many on a primary, and so many on the others. What follows the name goes the same way. */
async function spread(server, label, count = 6) {
  const own = [];
  const others = [];
  for (let number = 0; own.length < count || others.length < count; number += 1) {
    const name = `{${label} ${number}}`;
    ((await ofPrimary(server, name)) ? own : others).push(name);
  }
  return { own: own.slice(0, count), others: others.slice(0, count) };
}

/** Starts traffic on a primary and on the others. */
async function trafficAround(t, server, label) {
  const cache = openFor(t, options());
  await cache.ready();
  const { own, others } = await spread(server, label);
  const traffic = startTraffic(t, cache, [...own, ...others]);
  const clients = { own: traffic.clients.slice(0, own.length), others: traffic.clients.slice(own.length) };
  await traffic.rounds(20);
  traffic.forgetTimes();
  return { cache, traffic, names: { own, others }, clients };
}

const slowestOf = (clients) => Math.max(...clients.map(({ slowest }) => slowest));
const failuresOf = (clients) => [
  ...new Set(clients.flatMap(({ failures }) => failures).map(({ message }) => message)),
];

/** Resolves when the replicas of a primary have what it has now. */
async function replicated(server) {
  const { master_repl_offset: goal } = await server.info('replication');
  await until('the replica has everything', async () => {
    const { slave0 } = await server.info('replication');
    return Number(/offset=(\d+)/.exec(slave0)?.[1]) >= Number(goal);
  });
}

describe('a primary that', () => {
  test('hands over to its replica costs nothing that was stored, and nobody waits', LIMIT, async (t) => {
    const [primary] = await cluster.primaries();
    const { traffic } = await trafficAround(t, primary, 'handed');
    const { to } = await cluster.failover(primary);
    await traffic.recovered();
    await cluster.failover(to);
    await traffic.recovered();
    const wrong = await traffic.stop();
    t.diagnostic(`slowest ${traffic.slowest.toFixed(0)} ms, ${traffic.failures.length} failures`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(failuresOf(traffic.clients), []);
    assert.ok(traffic.slowest < TIMEOUT + SLACK, `an operation took ${traffic.slowest} ms`);
  });

  test('dies costs its own keys until its replica takes over, and no others', LIMIT, async (t) => {
    const [primary] = await cluster.primaries();
    const { traffic, clients, cache } = await trafficAround(t, primary, 'killed');
    // What it stored and had not yet passed on is gone with it: that is Redis's promise, and not more.
    for (const client of clients.own) client.lossy = true;
    const kept = clients.own.map(({ stored }) => stored);
    await replicated(primary);

    const began = performance.now();
    const [replica] = await cluster.replicas(primary);
    await cluster.killPrimary(primary);
    const promoted = until('the replica is a primary', async () => {
      const { role } = await replica.info('replication');
      return role === 'master' && performance.now();
    });
    await traffic.rounds(50, clients.others);
    const failover = (await promoted) - began;
    await traffic.recovered(5, clients.own);
    const outage = performance.now() - began;
    await cluster.settled();
    const [own, others] = [slowestOf(clients.own), slowestOf(clients.others)];
    t.diagnostic(
      `failover after ${failover.toFixed(0)} ms, own keys were back after ${outage.toFixed(0)} ms, ` +
        `slowest ${own.toFixed(0)} ms; others ${others.toFixed(0)} ms`,
    );
    assert.deepEqual(failuresOf(clients.others), [], 'the other shards have nothing to do with it');
    for (const { failures } of clients.own) {
      for (const { code } of failures) assert.match(code, /^CACHE_(UNAVAILABLE|TIMEOUT)$/);
    }
    assert.ok(own < TIMEOUT + SLACK, `an operation on the dead shard took ${own} ms`);
    assert.ok(others < TIMEOUT, `an operation on another shard took ${others} ms`);
    assert.ok(outage < failover + 1000, `its keys were back ${outage - failover} ms after the failover`);

    // Back on its port, as a replica of its own replica, it takes over again.
    await primary.restart();
    await cluster.settled();
    await cluster.failover(await cluster.owner(await cluster.slotOf(clients.own[0].key)));
    await traffic.recovered();
    assert.deepEqual(await traffic.stop(), []);
    for (const [at, { key }] of clients.own.entries()) assert.ok((await cache.get(key)) >= kept[at]);
    assert.equal((await cache.stats()).connection.state, 'up');
  });

  test('is dead fails its own keys open, and the others are served', LIMIT, async (t) => {
    const [, primary] = await cluster.primaries();
    const cache = openFor(t, options({ failOpen: true }));
    const events = record(cache, 'error');
    await cache.ready();
    const { own, others } = await spread(primary, 'open');
    await cache.putMany([...own, ...others].map((name) => [name, name]));
    const [replica] = await cluster.replicas(primary);
    // Nobody takes over.
    replica.pause();
    await cluster.killPrimary(primary);
    const times = [];
    const timed = async (promise) => {
      const began = performance.now();
      const value = await promise;
      times.push(performance.now() - began);
      return value;
    };
    for (const name of own) {
      assert.equal(await timed(cache.get(name)), null);
      await timed(cache.put(name, 1));
      assert.equal(await timed(cache.remember(name, () => 'computed')), 'computed');
      await assert.rejects(timed(cache.increment(`${name}`)), { code: /^CACHE_(UNAVAILABLE|TIMEOUT)$/ });
    }
    const slow = Math.max(...times);
    assert.ok(slow < TIMEOUT + SLACK, `an operation on the dead shard took ${slow} ms`);
    assert.ok(events.length >= own.length * 3);

    times.length = 0;
    for (const name of others) {
      assert.equal(await timed(cache.get(name)), name);
      await timed(cache.put(name, name));
      assert.equal(await timed(cache.increment(`${name} counter`)), 1);
      const lock = await timed(cache.lock(`${name} lock`, { maxRetries: 0 }));
      assert.equal(lock.acquired, true);
      await lock.release();
    }
    t.diagnostic(`others: slowest ${Math.max(...times).toFixed(0)} ms`);
    const many = await timed(cache.many([...own, ...others]));
    replica.resume();
    await cluster.settled();
    await until('the keys are served again', async () => {
      await cache.put(own[0], 'again');
      return (await cache.get(own[0])) === 'again';
    });
    assert.deepEqual(
      others.filter((name) => many.get(name) !== name),
      [],
      'a key of a shard that is up is a hit in `many`, whatever else is asked for',
    );
  });

  test('stalls costs its own keys one time-out each, and no others', LIMIT, async (t) => {
    const [, , primary] = await cluster.primaries();
    const { traffic, clients } = await trafficAround(t, primary, 'stalled');
    for (const client of clients.own) client.lossy = true;
    primary.pause();
    const began = performance.now();
    await traffic.rounds(50, clients.others);
    await traffic.recovered(5, clients.own);
    t.diagnostic(
      `own keys were back after ${(performance.now() - began).toFixed(0)} ms, slowest ` +
        `${slowestOf(clients.own).toFixed(0)} ms; others ${slowestOf(clients.others).toFixed(0)} ms`,
    );
    primary.resume();
    await cluster.settled();
    await traffic.recovered();
    assert.deepEqual(await traffic.stop(), []);
    assert.deepEqual(failuresOf(clients.others), []);
    assert.ok(slowestOf(clients.own) < TIMEOUT + SLACK);
    assert.ok(slowestOf(clients.others) < TIMEOUT);
  });
});

describe('while another shard fails over', () => {
  test('locks are held, counters count, and a run is one for two processes', LIMIT, async (t) => {
    const [primary] = await cluster.primaries();
    const cache = openFor(t, options());
    await cache.ready();
    const peer = await openPeer(t, options());
    const { others } = await spread(primary, 'steady', 3);
    const [counter, key, name] = others;
    const run = peer.remember(key);
    await run.started;
    const joined = cache.remember(key, () => assert.fail('the other process runs it'));
    let counted = 0;
    await cache.lockAndRun(name, '2s', async ({ signal }) => {
      await cluster.killPrimary(primary);
      let over = false;
      const settled = cluster.settled().then(() => {
        over = true;
      });
      while (!over) {
        counted += 1;
        assert.equal(await cache.increment(counter), counted);
        assert.equal((await cache.lock(name, { maxRetries: 0 })).acquired, false);
      }
      await settled;
      assert.equal(signal.aborted, false);
    });
    run.resolve('once');
    assert.equal(await joined, 'once');
    assert.equal(await run.outcome, 'once');
    assert.ok(counted > 10);
  });
});
