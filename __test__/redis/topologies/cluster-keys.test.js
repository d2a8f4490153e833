'use strict';

// Keys, tags, locks and runs that are spread over a cluster's slots.

const assert = require('node:assert/strict');
const { after, before, beforeEach, describe, test } = require('node:test');

const { gate } = require('../../support/deferred.js');
const { cacheError } = require('../../support/errors.js');
const { openFor } = require('../../support/open.js');
const { startCluster } = require('../support/cluster.js');
const { freePort } = require('../../support/ports.js');
const { startProxy } = require('../support/proxy.js');
const { until } = require('../../support/wait.js');
const { openPeer } = require('./peer.js');
require('../../support/alive.js');

const LIMIT = { timeout: 30_000 };
const PASSWORD = 'p@ss:word/1 é';

let cluster;

before(async () => {
  cluster = await startCluster(null, { requirepass: PASSWORD });
});
after(() => cluster?.stop());
beforeEach(async () => {
  for (const server of await cluster.primaries()) await server.cli('FLUSHALL');
});

const options = (more) => ({
  driver: 'redis',
  failOpen: false,
  config: { cluster: { nodes: cluster.nodes }, password: PASSWORD, ...more },
});

const numbered = (count, name = 'key') => Array.from({ length: count }, (_, at) => `${name} ${at}`);

async function all(cache) {
  const found = [];
  for await (const key of cache.keys()) found.push(key);
  return found.sort();
}

describe('a cluster is found', () => {
  test('by any one of its nodes, a replica too, and by nodes of which some are dead', LIMIT, async (t) => {
    const [replica] = await cluster.replicas();
    const dead = { host: '127.0.0.1', port: await freePort() };
    for (const nodes of [[replica], [dead, replica], cluster.nodes]) {
      const cache = openFor(
        t,
        options({ cluster: { nodes: nodes.map(({ host, port }) => ({ host, port })) } }),
      );
      await cache.ready();
      const keys = numbered(20);
      await cache.putMany(keys.map((key) => [key, key]));
      assert.deepEqual([...(await cache.many(keys)).values()], keys);
      await cache.close();
    }
  });

  test('by a URL with a user and a password that are percent-encoded', LIMIT, async (t) => {
    const password = encodeURIComponent(PASSWORD);
    const nodes = cluster.nodes.map(({ host, port }) => `redis://default:${password}@${host}:${port}`);
    const cache = openFor(t, { driver: 'redis', failOpen: false, config: { cluster: { nodes } } });
    await cache.ready();
    await cache.put('key', 1);
    assert.equal(await cache.get('key'), 1);
  });

  test('not with a wrong password, which no message shows', LIMIT, async (t) => {
    const cache = openFor(t, options({ password: 'hunter2-is-wrong', connectTimeout: '1s' }));
    const began = performance.now();
    await assert.rejects(cache.ready(), (error) => {
      assert.doesNotMatch(`${error.message} ${error.cause ?? ''}`, /hunter2/);
      t.diagnostic(error.message);
      return cacheError(['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'], /WRONGPASS/)(error);
    });
    assert.ok(performance.now() - began < 2000);
  });
});

describe('on a cluster', () => {
  test('all keys of all slots are read, written and removed at once', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const keys = numbered(3000);
    await cache.putMany(keys.map((key, at) => [key, at]));
    const sizes = await Promise.all((await cluster.primaries()).map((server) => server.cli('DBSIZE')));
    assert.ok(
      sizes.every((size) => size > 500),
      `${sizes} keys on the servers`,
    );
    assert.deepEqual(
      [...(await cache.many(keys)).values()],
      numbered(3000).map((_, at) => at),
    );
    assert.equal((await all(cache)).length, 3000);
    assert.equal(await cache.forgetMany([...keys.slice(0, 1000), 'none']), 1000);
    assert.equal((await all(cache)).length, 2000);
    const other = openFor(t, options({ prefix: 'other:' }));
    await other.put('stays', 1);
    const lock = await cache.lock('held', '1m');
    await cache.flush();
    assert.deepEqual(await all(cache), []);
    assert.equal(await other.get('stays'), 1);
    assert.equal((await cache.lock('held', { maxRetries: 0 })).acquired, false);
    assert.equal(await lock.release(), true);
  });

  test('keys with a hash tag share a slot, and are all one to the caller', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const keys = numbered(50, '{user:1}');
    await cache.putMany(keys.map((key) => [key, key]));
    const owner = await cluster.owner(await cluster.slotOf('{user:1}'));
    assert.equal(await owner.cli('DBSIZE'), 50);
    assert.deepEqual([...(await cache.many(keys)).values()], keys);
    for (const odd of ['{}empty', '{open', '}{', '{{x}}', 'a{b}c{d}']) {
      await cache.put(odd, odd);
      assert.equal(await cache.get(odd), odd);
    }
  });

  test('entries and the epochs of their tags live in different slots', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const tags = numbered(6, 'tag');
    const slots = await Promise.all(tags.map((tag) => cluster.slotOf(`ferrocache:tag:cache:${tag}`)));
    const owners = new Set(await Promise.all(slots.map((slot) => cluster.owner(slot))));
    assert.ok(owners.size > 1);
    const keys = numbered(30, 'tagged');
    await cache.tags(tags).putMany(keys.map((key) => [key, key]));
    await cache.tags(tags).remember('computed', () => 'computed');
    assert.deepEqual([...(await cache.many(keys)).values()], keys);
    const factory = gate();
    const running = cache.tags(tags).remember('running', factory);
    await factory.started;
    await cache.tags(tags[5]).flush();
    factory.resolve('old');
    assert.equal(await running, 'old');
    assert.ok(
      [...(await cache.many([...keys, 'computed', 'running'])).values()].every((value) => value === null),
    );
    assert.deepEqual(await all(cache), []);
  });

  test('an epoch that is gone from its server makes misses of its entries', LIMIT, async (t) => {
    const cache = openFor(t, options());
    await cache.tags(['evicted']).put('key', 1);
    const name = 'ferrocache:tag:cache:evicted';
    const owner = await cluster.owner(await cluster.slotOf(name));
    assert.equal(await owner.cli('DEL', name), 1, 'the epoch is where the test looks for it');
    assert.equal(await cache.get('key'), null);
    await cache.tags(['evicted']).put('other', 2);
    assert.equal(await cache.get('key'), null);
    assert.equal(await cache.get('other'), 2);
  });

  test('a run is one for all processes, and a removal elsewhere keeps its result out', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const peer = await openPeer(t, options());
    const keys = numbered(12, 'run');
    const runs = keys.map((key) => peer.remember(key));
    await Promise.all(runs.map(({ started }) => started));
    const [removed, ...others] = keys;
    const joined = others.map((key) => cache.remember(key, () => assert.fail(`${key} is run there`)));
    await cache.forget(removed);
    for (const run of runs) run.resolve('once');
    assert.deepEqual(
      await Promise.all(runs.map(({ outcome }) => outcome)),
      keys.map(() => 'once'),
    );
    assert.deepEqual(
      await Promise.all(joined),
      others.map(() => 'once'),
    );
    assert.equal(await cache.get(removed), null);
    assert.equal(await peer.call('get', keys[1]), 'once');
  });

  test('keys() and flush() over few keys take no longer than a few round trips', LIMIT, async (t) => {
    const cache = openFor(t, options());
    await cache.putMany(numbered(10).map((key) => [key, 1]));
    await all(cache);
    const time = async (act) => {
      const times = [];
      for (let round = 0; round < 10; round += 1) {
        const began = performance.now();
        await act();
        times.push(performance.now() - began);
      }
      return times.sort((a, b) => a - b)[5];
    };
    const listing = await time(() => all(cache));
    const flushing = await time(() => cache.flush());
    t.diagnostic(`keys(): ${listing.toFixed(1)} ms, flush(): ${flushing.toFixed(1)} ms (medians)`);
    assert.ok(listing < 20, `keys() takes ${listing} ms`);
    assert.ok(flushing < 20, `flush() takes ${flushing} ms`);
  });
});

test('reads are asked again when their connections break', LIMIT, async (t) => {
  const cache = openFor(t, options());
  const keys = numbered(50);
  await cache.putMany(keys.map((key) => [key, key]));
  const reads = {
    get: () => cache.get('key 1'),
    has: () => cache.has('key 2'),
    ttl: () => cache.ttl('key 3'),
    many: () => cache.many(keys),
  };
  let stopped = false;
  const failures = new Set();
  /** How many reads each reader has made. */
  const made = [];
  const reading = Object.entries(reads).flatMap(([name, read]) =>
    [0, 1, 2].map(async () => {
      const reader = made.push(0) - 1;
      while (!stopped) {
        await read().catch((error) => failures.add(`${name}: ${error.code}`));
        made[reader] += 1;
      }
    }),
  );
  for (let broken = 0; broken < 15; broken += 1) {
    // Each of them: a read is asked again once.
    const goals = made.map((count) => count + 10);
    await until('the reads go on', () => made.every((count, at) => count > goals[at]), { every: 2 });
    for (const server of await cluster.primaries()) await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
  }
  stopped = true;
  await Promise.all(reading);
  assert.deepEqual([...failures], []);
});

test('a call that a node of the cluster refuses for now is made again within its time', LIMIT, async (t) => {
  const single = await startCluster(t, { primaries: 1, replicas: 0 });
  const [server] = single.servers;
  const proxy = await startProxy(t, server);
  // The node says that it is where the proxy is.
  await server.cli('CONFIG', 'SET', 'cluster-announce-port', proxy.port);
  const nodes = [{ host: proxy.host, port: proxy.port }];
  const config = { cluster: { nodes }, commandTimeout: '400ms' };
  const cache = openFor(t, { driver: 'redis', failOpen: false, config });
  await cache.put('key', 1);
  for (const refusal of ['TRYAGAIN', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN']) {
    proxy.fail('GET', `${refusal} not now`);
    const asked = proxy.counters.names.get('GET') ?? 0;
    const read = cache.get('key');
    await proxy.seen('GET', asked + 3);
    proxy.heal();
    assert.equal(await read, 1);

    proxy.fail('GET', `${refusal} not now`);
    const began = performance.now();
    const refused = cacheError(['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'], new RegExp(refusal));
    await assert.rejects(cache.get('key'), refused);
    assert.ok(performance.now() - began < 650);
    proxy.heal();
    assert.equal(await cache.get('key'), 1);
  }
});
