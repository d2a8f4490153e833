'use strict';

// What other caches get wrong (each was seen in a published package), on the memory driver. Left out
// are the rows that need a server or a second tier: reads from a lower tier, a Redis that is down or
// does not answer, values met in a lower tier only, and throughput over a network.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache, cachePlugin } = require('../index.js');
const { gate, turns } = require('./support/deferred.js');
const { storeName, withThreads } = require('./support/threads.js');
const { openFor } = require('./support/open.js');
require('./support/alive.js');

/** A test with a cache on a manual clock. */
function check(name, ...rest) {
  const body = rest.pop();
  const [options] = rest;
  test(name, { timeout: 20_000 }, async (t) => {
    await body(openFor(t, { clock: 'manual', ...options }));
  });
}

describe('while a factory runs', () => {
  check('a value deleted while its factory runs is not stored', async (cache) => {
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    await cache.delete('k');
    factory.resolve('old');
    assert.equal(await call, 'old');
    assert.equal(await cache.get('k'), null);
  });

  check('a value invalidated by its tag while its factory runs is not stored', async (cache) => {
    const factory = gate();
    const call = cache.tags(['t']).remember('k', factory);
    await factory.started;
    await cache.tags(['t']).flush();
    factory.resolve('old');
    assert.equal(await call, 'old');
    assert.equal(await cache.get('k'), null);
  });

  check('a value written while an older one is computed is the one that stays', async (cache) => {
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    await cache.put('k', 'new');
    factory.resolve('old');
    await call;
    assert.equal(await cache.get('k'), 'new');
  });
});

describe('failing and empty results', () => {
  check('a factory that returns undefined for a stale value leaves the process alive', async (cache) => {
    const options = { ttl: '1s', grace: '1h' };
    await cache.remember('k', options, () => 'old');
    cache.clock.advance('2s');
    assert.equal(await cache.remember('k', options, () => undefined), undefined);
    cache.clock.advance('2s');
    const behind = new Promise((resolve) => {
      cache.once('refresh', resolve);
    });
    assert.equal(await cache.remember('k', { ...options, timeout: 0 }, async () => undefined), undefined);
    await behind;
    await turns();
    assert.equal(await cache.has('k'), true);
  });

  check('50 callers of a failing factory make one run, not 50 in a row', async (cache) => {
    let runs = 0;
    const calls = Array.from({ length: 50 }, () =>
      cache.remember('k', async () => {
        runs += 1;
        await turns(1);
        throw new Error('down');
      }),
    );
    const results = await Promise.allSettled(calls);
    assert.ok(results.every(({ reason }) => reason === results[0].reason));
    assert.equal(runs, 1);
  });

  check('ten remembers of one key are one run of the factory', async (cache) => {
    let runs = 0;
    const factory = async () => {
      runs += 1;
      await turns(1);
      return runs;
    };
    const calls = Array.from({ length: 10 }, () => cache.remember('k', '1h', factory));
    assert.deepEqual(await Promise.all(calls), Array(10).fill(1));
  });

  check('a null result is cached', async (cache) => {
    let runs = 0;
    const factory = () => {
      runs += 1;
      return null;
    };
    for (let i = 0; i < 3; i += 1) assert.equal(await cache.remember('k', factory), null);
    assert.equal(runs, 1);
  });

  check('0, false, the empty string and null are hits', async (cache) => {
    const values = [0, -0, NaN, false, '', null, undefined, 0n];
    for (const value of values) {
      await cache.put('k', value);
      assert.equal(await cache.has('k'), true);
      assert.ok(Object.is(await cache.get('k'), value));
      assert.ok(Object.is(await cache.remember('k', () => assert.fail('a miss')), value));
    }
  });
});

describe('facades', () => {
  check('a namespace made for each request has stampede protection', async (cache) => {
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.namespace('users').remember('1', factory));
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), Array(50).fill('v'));
    assert.equal(factory.runs, 1);
  });

  test('clear leaves no copy with other instances or threads', { timeout: 20_000 }, async () => {
    const options = { name: storeName('clear') };
    const main = new Cache(options);
    const second = new Cache(options);
    await withThreads(1, options, async (thread) => {
      await main.put('k', 1);
      assert.equal(await second.get('k'), 1);
      assert.equal(await thread.call('get', 'k'), 1);
      await main.clear();
      assert.equal(await second.get('k'), null);
      assert.equal(await thread.call('get', 'k'), null);
    });
    await Promise.all([main.close(), second.close()]);
  });
});

describe('tags', () => {
  check(
    'an invalidated value does not come back when the store is full',
    { config: { maxSize: 3 } },
    async (cache) => {
      await cache.tags(['t']).put('k', 'invalid', Infinity);
      await cache.tags(['t']).flush();
      for (let i = 0; i < 5000; i += 1) {
        await cache.tags([`tag ${i}`]).put(`k${i}`, i);
        await cache.tags([`tag ${i}`]).flush();
      }
      assert.equal(await cache.get('k'), null);
      await cache.tags(['t']).put('other', 1);
      assert.equal(await cache.get('k'), null);
      assert.equal(await cache.get('other'), 1);
    },
  );

  check('a tag flush that races with tagged puts leaves nothing that cannot be flushed', async (cache) => {
    for (let round = 0; round < 20; round += 1) {
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      const racing = keys.map((key) => cache.tags(['t']).put(key, round));
      racing.push(cache.tags(['t']).flush());
      racing.push(...keys.map((key) => cache.tags(['t']).remember(`r${key}`, async () => round)));
      await Promise.all(racing);
      await cache.tags(['t']).flush();
      for await (const key of cache.keys()) assert.fail(`${key} survived round ${round}`);
    }
  });

  check('a key that is put again untagged is not flushed by its old tag', async (cache) => {
    await cache.tags(['t']).put('k', 1);
    await cache.put('k', 2);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), 2);
  });

  check('tags do not pile up when their entries are gone', { config: { maxSize: 10 } }, async (cache) => {
    for (let i = 0; i < 10_000; i += 1) await cache.tags([`user ${i}`]).put(`k${i}`, i, '1s');
    cache.clock.advance('1h');
    await turns();
    const { tags, entries } = await cache.stats();
    assert.equal(entries, 0);
    assert.ok(tags < 1000, `${tags} tags are still known`);
  });
});

describe('counters, lives and bytes', () => {
  check('increment then get gives the number', async (cache) => {
    assert.equal(await cache.increment('n'), 1);
    assert.equal(await cache.get('n'), 1);
  });

  check('put then increment counts on', async (cache) => {
    await cache.put('n', 5);
    assert.equal(await cache.increment('n'), 6);
  });

  check('config.defaultTtl is honoured', { config: { defaultTtl: '1m' } }, async (cache) => {
    await cache.put('k', 1);
    cache.clock.advance('59s');
    assert.equal(await cache.get('k'), 1);
    cache.clock.advance('1s');
    assert.equal(await cache.get('k'), null);
  });

  check('a Buffer is put and read', async (cache) => {
    const buffer = Buffer.from([0, 255, 34, 92]);
    await cache.put('k', buffer);
    assert.deepStrictEqual(await cache.get('k'), buffer);
    assert.deepStrictEqual(await cache.get('k'), buffer);
  });
});

describe('flush and locks', () => {
  test(
    'flush spares other applications under other prefixes, held locks, and patterns',
    { timeout: 20_000 },
    async () => {
      const name = storeName('flush');
      const app = new Cache({ name, prefix: 'velox[1]:' });
      const queue = new Cache({ name, prefix: 'velox1:queue:' });
      await queue.put('job', 'waiting');
      await app.put('k', 1);
      const lock = await app.lock('held', '1h');
      await app.flush();
      assert.equal(await app.get('k'), null);
      assert.equal(await queue.get('job'), 'waiting');
      assert.equal((await app.lock('held', { maxRetries: 0 })).acquired, false);
      assert.equal(await lock.release(), true);
      await Promise.all([app.close(), queue.close()]);
    },
  );

  check('the release of an expired lock leaves the next owner its lock', async (cache) => {
    const first = await cache.lock('l', '1s');
    cache.clock.advance('2s');
    const second = await cache.lock('l', '1h');
    assert.equal(second.acquired, true);
    assert.equal(await first.release(), false);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
    assert.equal(await second.release(), true);
  });

  check('maxRetries: 0 tries once', async (cache) => {
    const lock = await cache.lock('l', { maxRetries: 0 });
    assert.equal(lock.acquired, true);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
    await lock.release();
    assert.equal(await cache.lockAndRun('l', { maxRetries: 0 }, () => 'ran'), 'ran');
  });

  check('locks are not evicted', { config: { maxSize: 2, maxSizeBytes: 100_000 } }, async (cache) => {
    const locks = [];
    for (let i = 0; i < 10; i += 1) locks.push(await cache.lock(`l${i}`, '1h'));
    for (let i = 0; i < 2000; i += 1) await cache.put(`k${i}`, 'x'.repeat(500));
    for (let i = 0; i < 10; i += 1) {
      assert.equal((await cache.lock(`l${i}`, { maxRetries: 0 })).acquired, false);
      assert.equal(await locks[i].release(), true);
    }
  });
});

describe('in an app', () => {
  const fastify = require('fastify');

  test('fastify.register(cachePlugin, options) registers the cache', { timeout: 20_000 }, async () => {
    const app = fastify();
    app.register(cachePlugin, { config: { maxSize: 1 } });
    app.get('/', async (request) => {
      await request.cache.put('a', 1);
      await app.cache.put('b', 2);
      return { a: await app.cache.get('a'), b: await request.cache.get('b') };
    });
    const response = await app.inject('/');
    assert.deepEqual(response.json(), { a: null, b: 2 });
    await app.close();
  });

  test(
    'a procedure finds the cache in its context, after the context was copied',
    { timeout: 20_000 },
    async () => {
      const app = fastify();
      app.decorateRequest('context', null);
      app.addHook('onRequest', async (request) => {
        request.context = { request };
      });
      app.register(cachePlugin);
      app.get('/', async (request) => {
        const ctx = { ...request.context };
        return ctx.cache.remember('k', '1h', () => 'from the procedure');
      });
      const response = await app.inject('/');
      assert.equal(response.body, 'from the procedure');
      await app.close();
    },
  );
});
