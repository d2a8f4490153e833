'use strict';

// After close() everything rejects with CACHE_CLOSED, and nothing crashes.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../index.js');
const { gate, turns } = require('./support/deferred.js');
const { rejects } = require('./support/errors.js');
require('./support/alive.js');

const LIMIT = { timeout: 30_000 };
const never = () => assert.fail('it was called');

const operations = {
  get: (c) => c.get('k'),
  put: (c) => c.put('k', 1),
  set: (c) => c.set('k', 1),
  has: (c) => c.has('k'),
  forget: (c) => c.forget('k'),
  delete: (c) => c.delete('k'),
  pull: (c) => c.pull('k'),
  add: (c) => c.add('k', 1),
  touch: (c) => c.touch('k', '1h'),
  ttl: (c) => c.ttl('k'),
  many: (c) => c.many(['k']),
  'many of no key': (c) => c.many([]),
  putMany: (c) => c.putMany({ k: 1 }),
  forgetMany: (c) => c.forgetMany(['k']),
  increment: (c) => c.increment('k'),
  decrement: (c) => c.decrement('k'),
  remember: (c) => c.remember('k', never),
  rememberForever: (c) => c.rememberForever('k', never),
  'tags.get': (c) => c.tags(['t']).get('k'),
  'tags.put': (c) => c.tags(['t']).put('k', 1),
  'tags.add': (c) => c.tags(['t']).add('k', 1),
  'tags.putMany': (c) => c.tags(['t']).putMany({ k: 1 }),
  'tags.remember': (c) => c.tags(['t']).remember('k', never),
  'tags.rememberForever': (c) => c.tags(['t']).rememberForever('k', never),
  'tags.flush': (c) => c.tags(['t']).flush(),
  lock: (c) => c.lock('k'),
  lockAndRun: (c) => c.lockAndRun('k', '1m', never),
  'namespace.get': (c) => c.namespace('n').get('k'),
  'namespace.flush': (c) => c.namespace('n').flush(),
  keys: (c) => c.keys().next(),
  flush: (c) => c.flush(),
  clear: (c) => c.clear(),
  reset: (c) => c.reset(),
  'reset of a key': (c) => c.reset('k'),
  stats: (c) => c.stats(),
};

describe('a closed cache', () => {
  for (const [name, call] of Object.entries(operations)) {
    test(`rejects ${name}`, LIMIT, async () => {
      const cache = new Cache();
      await cache.put('k', 1);
      await cache.close();
      await rejects(() => call(cache), 'CACHE_CLOSED', /close/);
      await rejects(() => call(cache), 'CACHE_CLOSED');
    });
  }

  test('says that it is closed', LIMIT, async () => {
    const cache = new Cache();
    assert.equal(cache.closed, false);
    const closing = cache.close();
    assert.equal(cache.closed, true);
    await closing;
    assert.equal(cache.closed, true);
    assert.equal(cache.driver, 'memory');
  });

  test('may be closed again, and disposed of', LIMIT, async () => {
    const cache = new Cache();
    assert.equal(await cache.close(), undefined);
    assert.equal(await cache.close(), undefined);
    await Promise.all([cache.close(), cache.close(), cache[Symbol.asyncDispose]()]);
    const other = new Cache();
    await Promise.all([other.close(), other.close()]);
  });

  test('is closed by being disposed of', LIMIT, async () => {
    const cache = new Cache();
    await cache[Symbol.asyncDispose]();
    assert.equal(cache.closed, true);
    await rejects(() => cache.get('k'), 'CACHE_CLOSED');
  });

  test('disconnects once', LIMIT, async () => {
    const cache = new Cache();
    let times = 0;
    cache.on('disconnect', () => {
      times += 1;
    });
    await cache.close();
    await cache.close();
    await turns();
    assert.equal(times, 1);
  });

  test('lets its locks and listeners be used, to no effect', LIMIT, async () => {
    const cache = new Cache();
    const lock = await cache.lock('l', '1h');
    await cache.close();
    for (const call of [() => lock.release(), () => lock.extend('1h'), () => lock[Symbol.asyncDispose]()]) {
      const [result] = await Promise.allSettled([call()]);
      if (result.status === 'rejected') assert.equal(result.reason.code, 'CACHE_CLOSED');
      else assert.ok(result.value === false || result.value === undefined);
    }
    cache.on('hit', never);
    assert.equal(cache.listenerCount('hit'), 1);
    cache.off('hit', never);
  });

  test('gives its locks to the caches that share its store', LIMIT, async () => {
    const name = `closing-${process.pid}`;
    const first = new Cache({ name });
    const second = new Cache({ name });
    await first.lock('l', '1h');
    assert.equal((await second.lock('l', { maxRetries: 0 })).acquired, false);
    await first.close();
    const lock = await second.lock('l', { maxRetries: 0 });
    assert.equal(lock.acquired, true);
    assert.equal(await lock.release(), true);
    await second.close();
  });

  test('ends whoever waits for a lock of it', LIMIT, async () => {
    const cache = new Cache();
    await cache.lock('l', '1h');
    const waiting = cache.lock('l', { wait: '1h', maxRetries: 1e6 });
    const running = cache.lockAndRun('l', { wait: '1h', maxRetries: 1e6 }, never);
    await turns();
    const outcomes = Promise.allSettled([waiting, running]);
    await cache.close();
    for (const { status, reason } of await outcomes) {
      assert.equal(status, 'rejected');
      assert.equal(reason.code, 'CACHE_CLOSED');
    }
  });

  test('settles everything that was under way', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = [
      cache.remember('r', factory),
      ...Array.from({ length: 50 }, (_, i) => cache.put(`k${i}`, i)),
      ...Array.from({ length: 50 }, (_, i) => cache.get(`k${i}`)),
      cache.increment('n'),
      cache.tags(['t']).flush(),
      cache.lock('l'),
      cache.flush(),
    ];
    const settled = Promise.allSettled(calls);
    await cache.close();
    for (const { reason } of (await settled).filter(({ status }) => status === 'rejected')) {
      assert.equal(reason.code, 'CACHE_CLOSED');
    }
  });

  test('leaves a listing that is under way with an error, not a crash', LIMIT, async () => {
    const cache = new Cache();
    await cache.putMany(Array.from({ length: 100 }, (_, i) => [`k${i}`, i]));
    const list = async () => {
      for await (const key of cache.keys()) {
        assert.ok(key);
        await cache.close();
      }
    };
    const [outcome] = await Promise.allSettled([list()]);
    if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'CACHE_CLOSED');
  });

  test('ends a factory that closes the cache itself, and then never settles', LIMIT, async () => {
    const cache = new Cache();
    let signal;
    const call = cache.remember('k', (context) => {
      signal = context.signal;
      void cache.close();
      return new Promise(() => {});
    });
    await assert.rejects(call, { code: 'CACHE_CLOSED' });
    assert.equal(signal.aborted, true);
  });

  for (const [how, made] of Object.entries({ 'at once': () => 'made', 'by a promise': async () => 'made' })) {
    test(`lets a factory that closes the cache have what it has made ${how}`, LIMIT, async () => {
      const cache = new Cache();
      const value = await cache.remember('k', () => {
        void cache.close();
        return made();
      });
      assert.equal(value, 'made');
    });
  }
});
