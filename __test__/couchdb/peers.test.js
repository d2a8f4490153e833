'use strict';

// What other caches get wrong with a database behind them, and what processes that share one may get wrong with each
// other: each was seen somewhere. What they bring back that was removed is in no-resurrection.test.js, what they do
// when CouchDB is down in outages/.

const assert = require('node:assert/strict');
const { describe } = require('node:test');

const { gate, turns } = require('../support/deferred.js');
const { until } = require('../support/wait.js');
const { listed, onBoth } = require('./consistency/world.js');
require('../support/alive.js');

const HOUR = 3_600_000;

describe('grace, and the factory returns undefined when stale: the process exits', () => {
  onBoth('undefined is a value like any other', async (world) => {
    const cache = world.open();
    const options = { ttl: 0.03, grace: '1h' };
    await cache.remember('k', options, () => 'old');
    await until('it is stale', async () => !(await cache.has('k')));
    const refreshed = new Promise((resolve) => {
      cache.once('refresh', resolve);
    });
    const lasting = { ...options, ttl: '1h', timeout: 0 };
    assert.equal(await cache.remember('k', lasting, async () => undefined), 'old');
    await refreshed;
    assert.equal(await cache.remember('k', () => assert.fail('a miss')), undefined);
    assert.equal(await cache.has('k'), true);
  });
});

describe('callers of a missing value', () => {
  onBoth('50 callers, failing factory: one run, and one error for all', async (world) => {
    const cache = world.open();
    let runs = 0;
    const factory = async () => {
      runs += 1;
      await turns(3);
      throw new Error('down');
    };
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => cache.remember('k', factory)));
    assert.ok(results.every(({ reason }) => reason === results[0].reason && reason.message === 'down'));
    assert.equal(runs, 1);
  });

  onBoth('namespace() per request: 50 requests make one run', async (world) => {
    const cache = world.open();
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.namespace('users').remember('1', factory));
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), Array(50).fill('v'));
    assert.equal(factory.runs, 1);
  });

  onBoth('30 callers in three processes: one run', async (world) => {
    const cache = world.open();
    const peers = await Promise.all([world.openPeer(), world.openPeer()]);
    const factory = gate();
    const own = Array.from({ length: 10 }, () => cache.remember('k', '1h', factory));
    await factory.started;
    const others = peers.flatMap((peer) =>
      Array.from({ length: 10 }, () => peer.remember('k', { ttl: '1h' })),
    );
    await Promise.all(peers.map((peer) => peer.call('has', 'k')));
    factory.resolve('once');
    const values = await Promise.all([...own, ...others.map(({ outcome }) => outcome)]);
    assert.deepEqual(values, Array(30).fill('once'));
    assert.equal(
      others.reduce((runs, other) => runs + other.runs, factory.runs),
      1,
    );
  });

  onBoth('a factory that fails, fails those who wait in another process', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    const factory = gate();
    const own = assert.rejects(cache.remember('k', factory), /no such user/);
    await factory.started;
    const other = peer.remember('k');
    await peer.call('has', 'k');
    factory.reject(new Error('no such user'));
    await own;
    await assert.rejects(other.outcome, /no such user/);
    assert.equal(other.runs, 0);
  });

  onBoth('a process that is killed in its factory frees the key', async (world) => {
    const peer = await world.openPeer({ config: { leaseTtl: '500ms' } });
    const cache = world.open({ config: { leaseTtl: '500ms' } });
    const theirs = peer.remember('k');
    await theirs.started;
    const call = cache.remember('k', () => 'mine');
    await peer.kill();
    assert.equal(await call, 'mine');
    assert.equal(await cache.get('k'), 'mine');
    await assert.rejects(theirs.outcome, /ended/);
  });

  onBoth('a null result is cached', async (world) => {
    const cache = world.open();
    let runs = 0;
    for (let call = 0; call < 3; call += 1) {
      const value = await cache.remember('k', () => {
        runs += 1;
        return null;
      });
      assert.equal(value, null);
    }
    assert.equal(runs, 1);
  });
});

describe('tags', () => {
  onBoth('the document of a tag is lost: what had the tag is a miss, for good', async (world) => {
    const cache = world.open();
    await cache.tags(['t']).put('k', 'invalid', Infinity);
    await cache.tags(['t']).flush();
    const remove = async () => {
      const { _rev } = await world.document('tag:cache:t');
      assert.equal((await world.ask('DELETE', `/tag%3Acache%3At?rev=${_rev}`)).status, 200);
    };
    await remove();
    assert.equal(await cache.get('k'), null);
    await cache.tags(['t']).put('other', 1);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.get('other'), 1);
    await remove();
    assert.equal(await cache.get('other'), null);
    await cache.tags(['t']).remember('third', () => 3);
    assert.equal(await cache.get('other'), null);
    assert.equal(await cache.get('third'), 3);
  });

  onBoth('a flush races with puts, in one process and two: the next flush gets all', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    const keys = Array.from({ length: 20 }, (_, number) => `k${number}`);
    for (let round = 0; round < 6; round += 1) {
      await Promise.all([
        ...keys.map((key) => cache.tags(['t']).put(key, round)),
        peer.tagged(['t'], 'flush'),
        ...keys.map((key) => peer.tagged(['t'], 'put', `p${key}`, round)),
        cache.tags(['t']).flush(),
        ...keys.map((key) => cache.tags(['t']).remember(`r${key}`, async () => round)),
      ]);
      await cache.tags(['t']).flush();
      assert.deepEqual(await listed(cache.keys()), [], `round ${round}`);
      for (const key of keys) assert.equal(await peer.call('get', `p${key}`), null);
    }
  });

  onBoth('what is kept of a tag expires with its entries', async (world) => {
    const cache = world.open();
    for (let number = 0; number < 20; number += 1) {
      await cache.tags([`user ${number}`]).put(`k${number}`, number, '2h');
      await cache.tags([`user ${number}`]).flush();
    }
    const ids = (await world.ids()).filter((id) => id.startsWith('tag:'));
    assert.equal(ids.length, 20);
    for (const id of ids) {
      const left = (await world.document(id)).expiresAt - Date.now();
      assert.ok(left > 0 && left <= 3 * HOUR, `${id} stays for ${left} ms`);
    }
  });

  onBoth('a key that is put again untagged is not flushed by its old tag', async (world) => {
    const cache = world.open();
    await cache.tags(['t']).put('k', 1);
    await cache.put('k', 2);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), 2);
  });
});

describe('flush()', () => {
  onBoth('other instances keep no copies', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    const second = world.open({ config: { maxQueue: 5000 } });
    await cache.put('k', 1);
    assert.deepEqual([await peer.call('get', 'k'), await second.get('k')], [1, 1]);
    await cache.clear();
    assert.deepEqual([await peer.call('get', 'k'), await second.get('k')], [null, null]);
  });

  onBoth('it removes what is under the prefix, read as it is written, and no lock', async (world) => {
    const cache = world.open({ prefix: 'velox[1]*?:' });
    await cache.put('k', 1);
    const spared = ['entry:velox1:k', 'entry:velox[1]', 'entry:velox1x?:k', 'entry:velox[1]*?', 'bull:queue'];
    for (const id of spared) await world.write(id, { value: '"theirs"', updatedAt: 1 });
    const lock = await cache.lock('held', '1h');
    await cache.flush();
    assert.equal(await cache.get('k'), null);
    for (const id of spared) assert.match((await world.document(id))._rev, /^1-/);
    assert.equal((await cache.lock('held', { maxRetries: 0 })).acquired, false);
    assert.equal(await lock.release(), true);
  });

  onBoth('it finds thousands of keys among others', async (world) => {
    const cache = world.open();
    await cache.ready();
    const docs = Array.from({ length: 3000 }, (_, number) => ({
      _id: `${['entry:their', 'entry:a', 'their'][number % 3]}:${number}`,
      value: '1',
    }));
    await world.ask('POST', '/_bulk_docs', { docs });
    await cache.putMany(Array.from({ length: 2000 }, (_, number) => [`k${number}`, number]));
    await cache.put('x'.repeat(3000), 1);
    await cache.flush();
    assert.deepEqual(await listed(cache.keys()), []);
    const left = (await world.ids()).filter((id) => !/^(entry:cache:|entry~|sweep)/.test(id));
    assert.equal(left.length, 3000);
    const { body } = await world.ask('POST', '/_bulk_get', { docs: docs.map(({ _id }) => ({ id: _id })) });
    assert.ok(body.results.every((row) => row.docs[0].ok._rev.startsWith('1-')));
  });
});

describe('values', () => {
  onBoth("0 false '' null are hits, in this process and in another", async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    for (const value of [0, -0, NaN, false, '', null, undefined, 0n]) {
      await cache.put('k', value);
      assert.ok(Object.is(await cache.get('k'), value));
      assert.equal(await cache.has('k'), true);
      assert.equal(await peer.call('has', 'k'), true);
      assert.ok(Object.is(await cache.remember('k', () => assert.fail('a miss')), value));
    }
    for (const value of [0, false, '', null]) {
      await peer.call('put', 'k', value);
      assert.equal(await cache.get('k'), value);
      assert.equal(await cache.has('k'), true);
    }
  });

  onBoth('a Buffer comes back as it was', async (world) => {
    const cache = world.open();
    for (const buffer of [Buffer.from([0, 255, 34, 92, 10]), Buffer.alloc(0), Buffer.alloc(100_000, 7)]) {
      await cache.put('k', buffer);
      assert.deepStrictEqual(await cache.get('k'), buffer);
      assert.deepStrictEqual(await cache.remember('k', () => assert.fail('a miss')), buffer);
    }
  });

  onBoth('a caller who does not wait gets what only another process has', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    await peer.call('put', 'k', 'there');
    const options = { ttl: '1h', grace: '1h', timeout: 0 };
    assert.equal(await cache.remember('k', options, () => assert.fail('a miss')), 'there');
    await peer.remember('stale', { ttl: 0.03, grace: '1h' }, { value: 'old' }).outcome;
    await until('it is stale', async () => !(await cache.has('stale')));
    const refreshed = new Promise((resolve) => {
      cache.once('refresh', resolve);
    });
    assert.equal(await cache.remember('stale', options, () => 'new'), 'old');
    await refreshed;
    assert.equal(await peer.call('get', 'stale'), 'new');
  });

  onBoth('config.defaultTtl is how long a value lives', async (world) => {
    const cache = world.open({ config: { defaultTtl: '1m' } });
    await cache.put('k', 1);
    await cache.increment('n');
    await cache.remember('r', () => 1);
    for (const key of ['k', 'n', 'r']) {
      const left = await cache.ttl(key);
      assert.ok(left > 50 && left <= 60, `${key} lives for ${left} s`);
      const { updatedAt, expiresAt } = await world.document(`entry:cache:${key}`);
      assert.equal(expiresAt - updatedAt, 60_000);
    }
  });
});

describe('counters', () => {
  onBoth('increment then get, put then increment: both give the number', async (world) => {
    const cache = world.open();
    assert.equal(await cache.increment('n'), 1);
    assert.equal(await cache.get('n'), 1);
    await cache.put('five', 5);
    assert.equal(await cache.increment('five'), 6);
    assert.equal(await cache.decrement('five', 1.5), 4.5);
    await cache.tags(['t']).put('tagged', 5);
    assert.equal(await cache.increment('tagged'), 6);
    await cache.tags(['t']).flush();
    assert.equal(await cache.increment('tagged'), 1);
  });

  onBoth('no step of several processes is lost, and no two see the same number', async (world) => {
    const cache = world.open();
    const peers = await Promise.all([world.openPeer(), world.openPeer()]);
    const steps = Array.from({ length: 40 }, () => [
      cache.increment('n'),
      ...peers.map((peer) => peer.call('increment', 'n')),
    ]);
    const numbers = await Promise.all(steps.flat());
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 120 }, (_, number) => number + 1),
    );
    assert.equal(await cache.get('n'), 120);
  });
});

describe('of several who want the same, one gets it', () => {
  onBoth('add() stores one value', async (world) => {
    const peers = await Promise.all([world.openPeer(), world.openPeer(), world.openPeer()]);
    for (let round = 0; round < 10; round += 1) {
      const adds = peers.flatMap((peer, number) => [
        peer.call('add', `k${round}`, `${number} first`),
        peer.call('add', `k${round}`, `${number} second`),
      ]);
      const stored = await Promise.all(adds);
      assert.deepEqual(stored.filter(Boolean), [true]);
      const at = stored.indexOf(true);
      const value = `${at >> 1} ${at % 2 ? 'second' : 'first'}`;
      for (const peer of peers) assert.equal(await peer.call('get', `k${round}`), value);
    }
  });

  onBoth('pull() hands a value to one', async (world) => {
    const peers = await Promise.all([world.openPeer(), world.openPeer(), world.openPeer()]);
    for (let round = 0; round < 10; round += 1) {
      await peers[0].call('put', 'k', round);
      const pulled = await Promise.all(peers.map((peer) => peer.call('pull', 'k')));
      assert.deepEqual(
        pulled.filter((value) => value !== null),
        [round],
      );
    }
  });
});

describe('locks', () => {
  onBoth('a release after expiry leaves the next owner its lock', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    const first = await cache.lock('l', 0.05);
    assert.equal(first.acquired, true);
    await peer.call('lock', 'l', { ttl: '1h', wait: '5s', retryInterval: 10 });
    assert.equal(await first.release(), false);
    assert.equal(await first.extend('1h'), false);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
  });

  onBoth('maxRetries: 0 tries once', async (world) => {
    const cache = world.open();
    const lock = await cache.lock('l', { maxRetries: 0 });
    assert.equal(lock.acquired, true);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
    await lock.release();
    assert.equal(await cache.lockAndRun('l', { maxRetries: 0 }, () => 'ran'), 'ran');
  });
});
