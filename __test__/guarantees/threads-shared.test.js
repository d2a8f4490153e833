'use strict';

// What the worker threads of one named store share: entries, invalidations, tags, counters, locks.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { gate, turns } = require('../support/deferred.js');
const { storeName, withThreads } = require('../support/threads.js');
const { openFor } = require('../support/open.js');
require('../support/alive.js');

const LIMIT = { timeout: 20_000 };
// The deadline is beyond the tests' own, so that it hands nothing over in place of what is tested.
const options = () => ({ name: storeName('shared'), hardTimeout: '40s' });

/** Ways to invalidate `k`, tagged `t`, from another thread, and what `k` holds afterwards. */
const invalidations = [
  ['forget', (thread) => thread.call('forget', 'ns:k')],
  ['pull', (thread) => thread.call('pull', 'ns:k')],
  ['put', (thread) => thread.call('put', 'ns:k', 'written'), 'written'],
  ['add', (thread) => thread.call('add', 'ns:k', 'written'), 'written'],
  ['increment', (thread) => thread.call('increment', 'ns:k', 7), 7],
  ['putMany', (thread) => thread.call('putMany', { 'ns:k': 'written' }), 'written'],
  ['forgetMany', (thread) => thread.call('forgetMany', ['ns:k'])],
  ['a tag flush', (thread) => thread.tagged(['t'], 'flush')],
  ['flush', (thread) => thread.call('flush')],
  ['flush of the namespace', (thread) => thread.namespaced('ns', 'flush')],
];

for (const [name, invalidate, left = null] of invalidations) {
  test(`${name} in another thread while a factory runs here wins`, LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(1, opened, async (thread) => {
      const factory = gate();
      const call = main.remember('ns:k', { tags: ['t'] }, factory);
      await factory.started;
      await invalidate(thread);
      if (left === null) {
        const own = thread.remember('ns:k', { tags: ['t'] });
        await Promise.race([own.started, own.asked.then(() => turns(50))]);
        assert.equal(own.runs, 1, 'it joined the older flight');
        factory.resolve('older');
        assert.equal(await call, 'older');
        await turns();
        assert.equal(await main.get('ns:k'), null);
        own.resolve('newer');
        assert.equal(await own.outcome, 'newer');
        assert.equal(await main.get('ns:k'), 'newer');
      } else {
        factory.resolve('older');
        assert.equal(await call, 'older');
        assert.equal(await main.get('ns:k'), left);
        assert.equal(await thread.call('get', 'ns:k'), left);
      }
    });
  });

  test(`${name} here while a factory runs in another thread wins`, LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    const here = {
      call: (method, ...args) => main[method](...args),
      tagged: (tags, method, ...args) => main.tags(tags)[method](...args),
      namespaced: (namespace, method, ...args) => main.namespace(namespace)[method](...args),
    };
    await withThreads(1, opened, async (thread) => {
      const running = thread.remember('ns:k', { tags: ['t'] });
      await running.started;
      await invalidate(here);
      running.resolve('older');
      assert.equal(await running.outcome, 'older');
      assert.equal(await main.get('ns:k'), left);
      assert.equal((await main.stats()).refusedFills, 1);
    });
  });
}

describe('threads of one store share', () => {
  test('entries, with their lives and types', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (first, second) => {
      await first.call('put', 'k', { at: new Date(5), list: [1n] }, Infinity);
      assert.deepEqual(await second.call('get', 'k'), { at: new Date(5), list: [1n] });
      assert.equal(await main.ttl('k'), Infinity);
      assert.equal(await main.forget('k'), true);
      assert.equal(await first.call('has', 'k'), false);
    });
  });

  test('tags: a flush in one thread reaches what another tagged', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (first, second) => {
      await first.tagged(['t'], 'put', 'a', 1);
      await main.tags(['t']).put('b', 2);
      await main.put('c', 3);
      await second.tagged(['t'], 'flush');
      assert.deepEqual([...(await main.many(['a', 'b', 'c'])).values()], [null, null, 3]);
      await second.tagged(['t'], 'put', 'a', 4);
      assert.equal(await first.call('get', 'a'), 4);
    });
  });

  test('counters: every step of every thread counts', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(3, opened, async (...threads) => {
      const steps = threads.flatMap((thread) =>
        Array.from({ length: 200 }, () => thread.call('increment', 'n')),
      );
      const seen = await Promise.all(steps);
      assert.equal(new Set(seen).size, 600);
      assert.equal(await main.get('n'), 600);
    });
  });

  test('adds and pulls: one thread wins', LIMIT, async () => {
    const opened = options();
    await withThreads(3, opened, async (...threads) => {
      for (let round = 0; round < 20; round += 1) {
        const added = await Promise.all(threads.map((thread, i) => thread.call('add', `k${round}`, i)));
        assert.equal(added.filter(Boolean).length, 1);
        const pulled = await Promise.all(threads.map((thread) => thread.call('pull', `k${round}`)));
        assert.deepEqual(
          pulled.filter((value) => value !== null),
          [added.indexOf(true)],
        );
      }
    });
  });

  test('locks: one thread holds, and only it releases', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (first, second) => {
      const held = await first.lock('l', { ttl: '1h' });
      assert.equal((await second.lock('l', { maxRetries: 0 })).acquired, false);
      assert.equal((await main.lock('l', { maxRetries: 0 })).acquired, false);
      const waiting = main.lock('l', { wait: '30s', retryInterval: 5, maxRetries: 1e6 });
      await turns();
      assert.equal(await first.release(held), true);
      const lock = await waiting;
      assert.equal(lock.acquired, true);
      assert.ok(lock.token > held.token);
      assert.equal(await first.release(held), false);
      assert.equal((await second.lock('l', { maxRetries: 0 })).acquired, false);
      assert.equal(await lock.release(), true);
      assert.equal((await second.lock('l', { maxRetries: 0 })).acquired, true);
    });
  });

  test('a flush: every thread is without its entries afterwards', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (first, second) => {
      await first.call('put', 'a', 1);
      await second.call('put', 'b', 2);
      assert.equal(await second.call('get', 'a'), 1);
      await main.flush();
      assert.equal(await first.call('get', 'a'), null);
      assert.equal(await second.call('get', 'a'), null);
      assert.equal(await second.call('get', 'b'), null);
    });
  });

  test('evictions: every thread hears of them', LIMIT, async (t) => {
    const opened = { ...options(), config: { maxSize: 2 } };
    const main = openFor(t, opened);
    await withThreads(2, opened, async (first, second) => {
      await first.listen('evict');
      const heard = first.seen(({ event, key }) => event === 'evict' && key === 'a');
      const here = new Promise((resolve) => {
        main.once('evict', resolve);
      });
      for (const key of ['a', 'b', 'c']) await second.call('put', key, 1);
      assert.equal((await heard).reason, 'size');
      assert.deepEqual(await here, { key: 'a', reason: 'size' });
    });
  });
});
