'use strict';

// What other caches get wrong with Redis behind them: each was seen in a published package. What they do when
// Redis is down is in topologies/peers-outages.test.js.

const assert = require('node:assert/strict');
const { after, before, beforeEach, describe, test } = require('node:test');

const { gate, turns } = require('../support/deferred.js');
const { openFor } = require('../support/open.js');
const { startServer } = require('./support/server.js');
const { until } = require('../support/wait.js');
const { openPeer } = require('./topologies/peer.js');
require('../support/alive.js');

let server;

before(async () => {
  server = await startServer();
});
after(() => server?.stop());
beforeEach(() => server.cli('FLUSHALL'));

const at = (more) => ({
  driver: 'redis',
  ...more,
  config: {
    host: server.host,
    port: server.port,
    ...more?.config,
  },
});

/** A test with a cache of its own. */
function check(name, ...rest) {
  const body = rest.pop();
  const [options] = rest;
  test(name, { timeout: 20_000 }, (t) => body(openFor(t, at(options)), t));
}

describe('deleted or invalidated while the factory runs: the old value is cached afterwards', () => {
  const invalidations = {
    delete: (cache) => cache.delete('k'),
    put: (cache) => cache.put('k', 'new'),
    'tag flush': (cache) => cache.tags(['t']).flush(),
    clear: (cache) => cache.clear(),
  };
  const inOtherProcess = {
    delete: (peer) => peer.call('delete', 'k'),
    put: (peer) => peer.call('put', 'k', 'new'),
    'tag flush': (peer) => peer.tagged(['t'], 'flush'),
    clear: (peer) => peer.call('clear'),
  };
  const left = (name) => (name === 'put' ? 'new' : null);
  // With tags and without: the driver asks for the lease, and fills it, in two ways.
  const remembers = {
    '': (cache, factory) => cache.tags(['t']).remember('k', factory),
    ', without tags': (cache, factory) => cache.remember('k', factory),
  };
  const rows = Object.keys(invalidations).flatMap((name) =>
    Object.entries(remembers)
      .filter(([how]) => name !== 'tag flush' || how === '')
      .map(([how, remember]) => ({ name, how, remember })),
  );

  for (const { name, how, remember } of rows) {
    check(`${name}, in one process${how}`, async (cache) => {
      const factory = gate();
      const call = remember(cache, factory);
      await factory.started;
      await invalidations[name](cache);
      factory.resolve('old');
      assert.equal(await call, 'old');
      assert.equal(await cache.get('k'), left(name));
    });
  }

  for (const { name, how, remember } of rows) {
    check(`${name}, in another process${how}`, async (cache, t) => {
      const peer = await openPeer(t, at());
      const factory = gate();
      const call = remember(cache, factory);
      await factory.started;
      await inOtherProcess[name](peer);
      factory.resolve('old');
      assert.equal(await call, 'old');
      assert.equal(await cache.get('k'), left(name));
      assert.equal(await peer.call('get', 'k'), left(name));
    });
  }
});

describe('grace, and the factory returns undefined when stale: the process exits', () => {
  check('undefined is a value like any other', async (cache) => {
    const options = { ttl: 0.03, grace: '1h' };
    await cache.remember('k', options, () => 'old');
    await until('it is stale', async () => !(await cache.has('k')));
    const refreshed = new Promise((resolve) => {
      cache.once('refresh', resolve);
    });
    assert.equal(
      await cache.remember('k', { ...options, ttl: '1h', timeout: 0 }, async () => undefined),
      'old',
    );
    await refreshed;
    assert.equal(await cache.remember('k', () => assert.fail('a miss')), undefined);
    assert.equal(await cache.has('k'), true);
  });
});

describe('50 callers, failing factory: 50 serial runs', () => {
  check('one run, and one error for all', async (cache) => {
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
});

describe('namespace() per request: no stampede protection', () => {
  check('50 requests make one run', async (cache) => {
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.namespace('users').remember('1', factory));
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), Array(50).fill('v'));
    assert.equal(factory.runs, 1);
  });
});

describe('the tag marker is evicted from Redis: invalidated values come back', () => {
  check('what has lost its marker is a miss, for good', async (cache) => {
    await cache.tags(['t']).put('k', 'invalid', Infinity);
    await cache.tags(['t']).flush();
    const [marker] = await server.cli('KEYS', 'ferrocache:tag:*');
    assert.equal(await server.cli('DEL', marker), 1);
    assert.equal(await cache.get('k'), null);
    await cache.tags(['t']).put('other', 1);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.get('other'), 1);
    await server.cli('DEL', marker);
    assert.equal(await cache.get('other'), null);
    await cache.tags(['t']).remember('third', () => 3);
    assert.equal(await cache.get('other'), null);
  });
});

describe("0 false '' null in the lower tier: read as misses", () => {
  check('they are hits, in this process and in another', async (cache, t) => {
    const peer = await openPeer(t, at());
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
});

describe('clear(): other instances keep their copies', () => {
  check('nobody has anything', async (cache, t) => {
    const peer = await openPeer(t, at());
    const second = openFor(t, at({ config: { maxQueue: 5000 } }));
    await cache.put('k', 1);
    assert.deepEqual([await peer.call('get', 'k'), await second.get('k')], [1, 1]);
    await cache.clear();
    assert.deepEqual([await peer.call('get', 'k'), await second.get('k')], [null, null]);
  });
});

describe('nonBlocking, value only in the lower tier: undefined', () => {
  check(
    'a value that only another process has read is a hit for a caller who does not wait',
    async (cache, t) => {
      const peer = await openPeer(t, at());
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
    },
  );
});

describe('increment then get: undefined; put(5) then increment: server error', () => {
  check('both give the number', async (cache) => {
    assert.equal(await cache.increment('n'), 1);
    assert.equal(await cache.get('n'), 1);
    await cache.put('five', 5);
    assert.equal(await cache.increment('five'), 6);
    assert.equal(await cache.get('five'), 6);
    assert.equal(await cache.decrement('five', 1.5), 4.5);
    await cache.tags(['t']).put('tagged', 5);
    assert.equal(await cache.increment('tagged'), 6);
    await cache.tags(['t']).flush();
    assert.equal(await cache.increment('tagged'), 1);
  });
});

describe('config.defaultTtl: ignored', () => {
  check('is how long a value lives', { config: { defaultTtl: '1m' } }, async (cache) => {
    await cache.put('k', 1);
    await cache.increment('n');
    await cache.remember('r', () => 1);
    for (const key of ['k', 'n', 'r']) {
      const left = await cache.ttl(key);
      assert.ok(left > 50 && left <= 60, `${key} lives for ${left} s`);
      assert.ok((await server.cli('PTTL', `cache:${key}`)) <= 60_000);
    }
  });
});

describe("flush(): deletes other applications' keys and held locks; [ in a prefix is a glob", () => {
  check(
    'it removes what is under the prefix, read as it is written',
    { prefix: 'velox[1]*?:' },
    async (cache) => {
      await cache.put('k', 1);
      const spared = ['velox1:k', 'velox[1]', 'velox1x?:k', 'velox[1]*', 'bull:queue:id', 'other'];
      for (const key of spared) await server.cli('SET', key, 'theirs');
      await server.cli('HSET', 'bull:queue:1', 'data', '{}');
      const lock = await cache.lock('held', '1h');
      await cache.flush();
      assert.equal(await cache.get('k'), null);
      for (const key of spared) assert.equal(await server.cli('GET', key), 'theirs', key);
      assert.equal(await server.cli('HGET', 'bull:queue:1', 'data'), '{}');
      assert.equal((await cache.lock('held', { maxRetries: 0 })).acquired, false);
      assert.equal(await lock.release(), true);
    },
  );

  check('it finds thousands of keys among others, without stopping Redis', async (cache) => {
    const client = await server.connect();
    for (let from = 0; from < 20_000; from += 2000) {
      await client.pipeline(
        Array.from({ length: 2000 }, (_, number) => ['SET', `their:${from + number}`, 'x']),
      );
    }
    await cache.putMany(Array.from({ length: 5000 }, (_, number) => [`k${number}`, number]));
    await cache.flush();
    assert.equal(await client.command('DBSIZE'), 20_000);
    client.close();
  });
});

describe('tag flush racing with tagged puts: entries stay cached and can never be flushed', () => {
  check('in one process and two, the next flush gets all', async (cache, t) => {
    const peer = await openPeer(t, at());
    const keys = Array.from({ length: 20 }, (_, number) => `k${number}`);
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([
        ...keys.map((key) => cache.tags(['t']).put(key, round)),
        peer.tagged(['t'], 'flush'),
        ...keys.map((key) => peer.tagged(['t'], 'put', `p${key}`, round)),
        cache.tags(['t']).flush(),
        ...keys.map((key) => cache.tags(['t']).remember(`r${key}`, async () => round)),
      ]);
      await cache.tags(['t']).flush();
      for await (const key of cache.keys()) assert.fail(`${key} survived round ${round}`);
      for (const key of keys) assert.equal(await peer.call('get', `p${key}`), null);
    }
  });

  check('what is kept of a tag expires with its entries', async (cache) => {
    for (let number = 0; number < 50; number += 1) {
      await cache.tags([`user ${number}`]).put(`k${number}`, number, '2h');
      await cache.tags([`user ${number}`]).flush();
    }
    const markers = await server.cli('KEYS', 'ferrocache:*');
    assert.ok(markers.length >= 50);
    for (const marker of markers) {
      const left = await server.cli('PTTL', marker);
      assert.ok(left > 0 && left <= 2 * 3_600_000, `${marker} stays for ${left} ms`);
    }
  });

  check('a key that is put again untagged is not flushed by its old tag', async (cache) => {
    await cache.tags(['t']).put('k', 1);
    await cache.put('k', 2);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), 2);
  });
});

describe("lock release after expiry: deletes the next owner's lock; maxRetries 0 never tries", () => {
  check('a release after expiry leaves the next owner its lock', async (cache, t) => {
    const peer = await openPeer(t, at());
    const first = await cache.lock('l', 0.05);
    assert.equal(first.acquired, true);
    await peer.call('lock', 'l', { ttl: '1h', wait: '5s', retryInterval: 10 });
    assert.equal(await first.release(), false);
    assert.equal(await first.extend('1h'), false);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
  });

  check('maxRetries: 0 tries once', async (cache) => {
    const lock = await cache.lock('l', { maxRetries: 0 });
    assert.equal(lock.acquired, true);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
    await lock.release();
    assert.equal(await cache.lockAndRun('l', { maxRetries: 0 }, () => 'ran'), 'ran');
  });
});

describe('remember ×10: 10 callbacks; a null result is never cached', () => {
  check('one callback, in one process', async (cache) => {
    let runs = 0;
    const factory = async () => {
      runs += 1;
      await turns(3);
      return runs;
    };
    const calls = Array.from({ length: 10 }, () => cache.remember('k', '1h', factory));
    assert.deepEqual(await Promise.all(calls), Array(10).fill(1));
  });

  check('one callback, over three processes', async (cache, t) => {
    const peers = await Promise.all([openPeer(t, at()), openPeer(t, at())]);
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

  check('a null result is cached', async (cache) => {
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

describe('Buffer: put succeeds, every get throws', () => {
  check('it comes back as it was', async (cache) => {
    for (const buffer of [
      Buffer.from([0, 255, 252, 49, 34, 92, 10]),
      Buffer.alloc(0),
      Buffer.alloc(100_000, 7),
    ]) {
      await cache.put('k', buffer);
      assert.deepStrictEqual(await cache.get('k'), buffer);
      assert.deepStrictEqual(await cache.remember('k', () => assert.fail('a miss')), buffer);
    }
  });
});
