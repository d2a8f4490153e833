'use strict';

// Locks on a backend, and what closing does there.

const assert = require('node:assert/strict');
const { afterEach, describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { deferred, gate, turns } = require('../support/deferred.js');
const { rejects } = require('../support/errors.js');
const { record } = require('../support/events.js');
const { storeName } = require('../support/threads.js');
const { DOWN, SLOW, backend, open } = require('./backend.js');
require('../support/alive.js');

const LIMIT = { timeout: 20_000 };
const never = () => assert.fail('it ran');

afterEach(() => {
  backend.fault = () => undefined;
  backend.seen = [];
});

const failing = (...names) => {
  backend.fault = (name) => (names.includes(name) ? DOWN : undefined);
};

describe('closing a cache on a backend', () => {
  test('gives back its locks and its runs before it is closed', LIMIT, async () => {
    const name = storeName('closing');
    const cache = open({ name });
    const other = open({ name });
    const lock = await cache.lock('l', '1h');
    const factory = gate();
    const leading = cache.remember('k', factory);
    const context = await factory.started;
    const under = deferred();
    const running = cache.lockAndRun('m', '1h', ({ signal }) => {
      under.resolve();
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve(signal.reason.code));
      });
    });
    await under.promise;
    const waiting = other.remember('k', () => 'second');
    await turns();
    backend.seen = [];
    const closed = cache.close();
    leading.catch(() => {});
    await closed;
    assert.deepEqual(backend.names().slice(0, 3).sort(), ['fail', 'unlock', 'unlock']);
    await assert.rejects(leading, { code: 'CACHE_CLOSED' });
    assert.equal(context.signal.aborted, true);
    assert.equal(await running, 'CACHE_LOCK_LOST');
    assert.equal(await waiting, 'second');
    assert.equal(await lock.release(), false);
    for (const key of ['l', 'm']) assert.equal((await other.lock(key, { maxRetries: 0 })).acquired, true);
    await other.close();
  });

  test('rejects what is asked from then on, and settles what was asked before', LIMIT, async () => {
    const cache = open();
    await cache.put('k', 1);
    await cache.lock('l', '1h');
    const pending = [cache.get('k'), cache.put('k', 2), cache.remember('r', () => 'v'), cache.lock('m')];
    const settled = Promise.allSettled(pending);
    const closing = cache.close();
    assert.equal(cache.closed, true);
    const calls = [
      () => cache.get('k'),
      () => cache.put('k', 1),
      () => cache.many([]),
      () => cache.many(['k']),
      () => cache.putMany({ k: 1 }),
      () => cache.remember('k', never),
      () => cache.lock('l'),
      () => cache.lockAndRun('l', '1m', never),
      () => cache.keys().next(),
      () => cache.stats(),
      () => cache.ready(),
    ];
    for (const call of calls) await rejects(call, 'CACHE_CLOSED', /close/);
    await Promise.all([closing, cache.close(), cache[Symbol.asyncDispose]()]);
    const [read, write, ...rest] = await settled;
    assert.deepEqual([read.value, write.status], [1, 'fulfilled']);
    for (const { reason } of rest) assert.equal(reason.code, 'CACHE_CLOSED');
  });

  test('waits no longer than a command may take', LIMIT, async () => {
    const cache = open();
    await cache.lock('l', '1h');
    backend.fault = () => 'hang';
    const pending = cache.get('k');
    const since = performance.now();
    await cache.close();
    const took = performance.now() - since;
    assert.ok(took > 900 && took < 5000, `it took ${took} ms`);
    backend.release();
    cache.on('error', () => {});
    assert.equal(await pending, null);
  });

  test('ends who waits for a lock, and releases one that comes too late', LIMIT, async () => {
    const name = storeName('closing');
    const holder = open({ name });
    const lock = await holder.lock('l', '1h');
    const cache = open({ name });
    const waiting = cache.lock('l', { wait: '1h', maxRetries: 1e6 });
    await turns();
    const late = cache.lock('m', '1h');
    const outcomes = Promise.allSettled([waiting, late]);
    await cache.close();
    for (const { reason } of await outcomes) assert.equal(reason?.code, 'CACHE_CLOSED');
    assert.equal((await holder.lock('m', { maxRetries: 0 })).acquired, true);
    await lock.release();
    await holder.close();
  });
});

describe('a lock on a backend', () => {
  test('that was not answered is released, for it may have been had', LIMIT, async () => {
    const cache = open();
    failing('lock');
    await assert.rejects(cache.lock('l', '1h'), { code: 'CACHE_UNAVAILABLE' });
    backend.fault = () => undefined;
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, true);
    assert.deepEqual(backend.names(), ['lock', 'unlock', 'lock']);
    await cache.close();
  });

  test('is not had by who went away meanwhile', LIMIT, async () => {
    const cache = open();
    const controller = new AbortController();
    const reason = new Error('the client went away');
    const call = cache.lock('l', { ttl: '1h', signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(call, (error) => error === reason);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, true);
    await cache.close();
  });

  test('that is free while a waiter is being told that it is not is tried at once', LIMIT, async () => {
    const cache = open();
    const first = await cache.lock('l', '1h');
    // Both in one tick: the release is answered with the try that came before it.
    const second = cache.lock('l', { retryInterval: 60_000, wait: '1h' });
    const since = performance.now();
    const released = first.release();
    assert.equal((await second).acquired, true);
    // The pause that it would else have made is 1.5 s at least.
    assert.ok(performance.now() - since < 1200);
    assert.equal(await released, true);
    await cache.close();
  });

  test('outlives renewals that are not answered, and is lost when its life is over', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error', 'lock');
    const lost = () => seen.filter(({ state }) => state === 'lost').length;
    await cache.lockAndRun('l', '300ms', async ({ signal }) => {
      failing('extend');
      while (!seen.some(({ event }) => event === 'error')) await sleep(5);
      backend.fault = () => undefined;
      backend.seen = [];
      while (!backend.names().includes('extend')) await sleep(5);
      // Longer than its life, had the second renewal not counted.
      await sleep(350);
      assert.equal(signal.aborted, false);
      failing('extend');
      const since = performance.now();
      while (!signal.aborted) await sleep(1);
      const took = performance.now() - since;
      assert.ok(took > 150, `after ${took} ms`);
      assert.equal(signal.reason.code, 'CACHE_LOCK_LOST');
    });
    assert.equal(lost(), 1);
    await cache.close();
  });

  test('that the backend says is not ours is lost at once', LIMIT, async () => {
    const name = storeName('lost');
    const cache = open({ name, clock: 'manual' });
    const other = open({ name, clock: 'manual' });
    await cache.lockAndRun('l', '60ms', async ({ signal }) => {
      cache.clock.advance('1m');
      assert.equal((await other.lock('l', '1h')).acquired, true);
      while (!signal.aborted) await sleep(5);
      assert.equal(signal.reason.code, 'CACHE_LOCK_LOST');
    });
    await Promise.all([cache.close(), other.close()]);
  });

  test("that cannot be released leaves its callback's outcome as it is", LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error');
    backend.fault = (name) => (name === 'unlock' ? SLOW : undefined);
    assert.equal(await cache.lockAndRun('l', '1m', () => 'done'), 'done');
    const thrown = new Error('mine');
    const failed = cache.lockAndRun('m', '1m', () => {
      throw thrown;
    });
    await assert.rejects(failed, (error) => error === thrown);
    assert.deepEqual(
      seen.map(({ operation, key }) => `${operation} ${key}`),
      ['lockAndRun l', 'lockAndRun m'],
    );
    await cache.close();
  });
});
