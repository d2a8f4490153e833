'use strict';

// Guarantee 2 within one thread. Across threads: one-flight-threads.test.js.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../../index.js');
const { gate, turns } = require('../support/deferred.js');
const { storeName } = require('../support/threads.js');
require('../support/alive.js');

const LIMIT = { timeout: 10_000 };

describe('one flight', () => {
  test('fifty callers run the factory once', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.remember('k', factory));
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), Array(50).fill('v'));
    assert.equal(factory.runs, 1);
    await cache.close();
  });

  test('callers who come while it runs join, and those after it read', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = [cache.remember('k', factory)];
    await factory.started;
    for (let i = 0; i < 10; i += 1) {
      calls.push(cache.remember('k', factory));
      await turns(1);
    }
    factory.resolve('v');
    calls.push(cache.remember('k', factory));
    assert.deepEqual(await Promise.all(calls), Array(12).fill('v'));
    assert.equal(await cache.remember('k', factory), 'v');
    assert.equal(factory.runs, 1);
    await cache.close();
  });

  test('a failing factory is run once, and all its waiters get the very error it threw', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.remember('k', factory));
    await factory.started;
    const thrown = new Error('down');
    factory.reject(thrown);
    const results = await Promise.allSettled(calls);
    assert.ok(results.every(({ reason }) => reason === thrown));
    assert.equal(factory.runs, 1);
    await turns();
    assert.equal(factory.runs, 1);
    await cache.close();
  });

  test('all waiters of a factory that rejects with no Error get one and the same error', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = Array.from({ length: 10 }, () => cache.remember('k', factory));
    await factory.started;
    factory.reject('text');
    const reasons = (await Promise.allSettled(calls)).map(({ reason }) => reason);
    assert.equal(new Set(reasons).size, 1);
    assert.equal(reasons[0].code, 'CACHE_FACTORY');
    assert.equal(reasons[0].cause, 'text');
    assert.equal(factory.runs, 1);
    await cache.close();
  });

  test('all waiters of a factory that throws synchronously get its error', LIMIT, async () => {
    const cache = new Cache();
    let runs = 0;
    const thrown = new Error('at once');
    const calls = Array.from({ length: 10 }, () =>
      cache.remember('k', () => {
        runs += 1;
        throw thrown;
      }),
    );
    const results = await Promise.allSettled(calls);
    assert.ok(results.every(({ reason }) => reason === thrown));
    assert.equal(runs, 1);
    await cache.close();
  });

  test('all waiters of a factory whose value cannot be stored are rejected, once', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = Array.from({ length: 10 }, () => cache.remember('k', factory));
    await factory.started;
    factory.resolve(Symbol('s'));
    for (const { reason } of await Promise.allSettled(calls)) {
      assert.equal(reason.code, 'CACHE_INVALID_VALUE');
    }
    assert.equal(factory.runs, 1);
    await cache.close();
  });

  test('a failed flight is over: the next caller runs the factory again', LIMIT, async () => {
    const cache = new Cache();
    let runs = 0;
    for (let i = 1; i <= 3; i += 1) {
      const call = cache.remember('k', async () => {
        runs += 1;
        throw new Error(`run ${runs}`);
      });
      await assert.rejects(call, { message: `run ${i}` });
    }
    await cache.close();
  });

  test('tags, namespaces and TTLs of the callers do not split a flight', LIMIT, async () => {
    const cache = new Cache();
    const factory = gate();
    const calls = [
      cache.remember('ns:k', factory),
      cache.remember('ns:k', '5m', factory),
      cache.remember('ns:k', { ttl: '6m', tags: ['a'] }, factory),
      cache.rememberForever('ns:k', factory),
      cache.tags(['b']).remember('ns:k', factory),
      cache.tags(['b']).rememberForever('ns:k', factory),
      cache.namespace('ns').remember('k', factory),
      cache.namespace('ns').tags(['c']).remember('k', factory),
    ];
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), Array(8).fill('v'));
    assert.equal(factory.runs, 1);
    await cache.close();
  });

  test('caches of one named store share a flight, and its error is the same object', LIMIT, async () => {
    const name = storeName('flight');
    const caches = [new Cache({ name }), new Cache({ name }), new Cache({ name })];
    const factory = gate();
    const calls = caches.map((cache) => cache.remember('k', factory));
    await factory.started;
    factory.resolve({ v: 1 });
    assert.deepEqual(await Promise.all(calls), [{ v: 1 }, { v: 1 }, { v: 1 }]);
    assert.equal(factory.runs, 1);
    const failing = gate();
    const failed = caches.map((cache) => cache.remember('bad', failing));
    await failing.started;
    const thrown = new Error('down');
    failing.reject(thrown);
    for (const { reason } of await Promise.allSettled(failed)) assert.equal(reason, thrown);
    assert.equal(failing.runs, 1);
    await Promise.all(caches.map((cache) => cache.close()));
  });

  test('caches of private stores share nothing', LIMIT, async () => {
    const caches = [new Cache(), new Cache()];
    assert.equal(await caches[0].remember('k', () => 'first'), 'first');
    assert.equal(await caches[1].remember('k', () => 'second'), 'second');
    await Promise.all(caches.map((cache) => cache.close()));
  });

  test(
    'closing a cache ends its own waiters; a cache of the same store runs the factory',
    LIMIT,
    async () => {
      const name = storeName('flight');
      const first = new Cache({ name });
      const second = new Cache({ name });
      const abandoned = gate();
      const leading = first.remember('k', abandoned);
      await abandoned.started;
      const waiting = second.remember('k', () => 'second');
      await turns();
      await first.close();
      await assert.rejects(leading, { code: 'CACHE_CLOSED' });
      assert.equal(await waiting, 'second');
      abandoned.resolve('late');
      await turns();
      assert.equal(await second.get('k'), 'second');
      await second.close();
    },
  );
});
