'use strict';

// What must not happen on the side: unhandled rejections, orphaned runs, other callers' contexts.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { describe, test } = require('node:test');
const { Cache } = require('../../index.js');
const { binding } = require('../../lib/native.js');
const { gate, turns } = require('../support/deferred.js');
const { run } = require('../support/child.js');
const { storeName } = require('../support/threads.js');
require('../support/alive.js');

const LIMIT = { timeout: 20_000 };

describe('on the side', () => {
  test(
    'a factory that throws at once while the cache closes leaves no rejection unhandled',
    LIMIT,
    async () => {
      for (const body of [
        `c.remember('k', () => { throw new Error('mine'); }).catch(() => {}); c.close();`,
        `c.remember('k', () => { c.close(); throw new Error('mine'); }).catch(() => {});`,
      ]) {
        const { code, stderr } = await run(
          `const { Cache } = require('./index.js'); const c = new Cache(); ${body}`,
        );
        assert.equal(code, 0, stderr);
      }
    },
  );

  test(
    'an error that cannot be put into words ends its run, and reaches its caller as it is',
    LIMIT,
    async () => {
      const cache = new Cache();
      const unspeakable = new Error('x');
      Object.defineProperty(unspeakable, 'message', { get: () => assert.fail('unreadable') });
      await assert.rejects(
        cache.remember('k', async () => {
          throw unspeakable;
        }),
        (error) => error === unspeakable,
      );
      assert.equal(await cache.remember('k', () => 1), 1);
      await cache.close();
    },
  );

  test('who takes a run over does so in its own async context', LIMIT, async () => {
    const storage = new AsyncLocalStorage();
    const name = storeName('context');
    const [leading, waiting] = [new Cache({ name }), new Cache({ name })];
    const seen = [];
    waiting.on('write', () => seen.push(`write ${storage.getStore()}`));
    const abandoned = gate();
    const lost = storage.run('leader', () => leading.remember('k', abandoned)).catch(() => {});
    await abandoned.started;
    const taken = storage.run('waiter', () =>
      waiting.remember('k', () => {
        seen.push(`factory ${storage.getStore()}`);
        return 1;
      }),
    );
    await turns();
    await storage.run('closer', () => leading.close());
    await Promise.all([lost, taken]);
    assert.deepEqual(seen, ['factory waiter', 'write waiter']);
    await waiting.close();
  });

  test('a caller that waits for another run waits no longer than its own deadline', LIMIT, async () => {
    const cache = new Cache();
    const slow = gate();
    const leader = cache.remember('k', slow);
    await slow.started;
    await assert.rejects(
      cache.remember('k', { hardTimeout: '10ms' }, () => 1),
      { code: 'CACHE_TIMEOUT' },
    );
    slow.resolve(2);
    assert.equal(await leader, 2);
    await cache.close();
  });

  test('a signal that has aborted starts no factory', LIMIT, async () => {
    const cache = new Cache();
    let runs = 0;
    const options = { signal: AbortSignal.abort() };
    await assert.rejects(
      cache.remember('k', options, () => (runs += 1)),
      { name: 'AbortError' },
    );
    assert.equal(runs, 0);
    await cache.close();
  });

  test(
    'a stale value that is forgotten or overwritten while the factory runs is not served',
    LIMIT,
    async () => {
      const cache = new Cache({ clock: 'manual' });
      for (const [change, after] of [
        [() => cache.forget('k'), null],
        [() => cache.tags(['t']).flush(), null],
        [() => cache.flush(), null],
        [() => cache.put('k', 'new'), 'new'],
      ]) {
        await cache.remember('k', { ttl: '1s', grace: '1h', tags: ['t'] }, () => 'old');
        cache.clock.advance('2s');
        const failing = gate();
        const call = cache.remember('k', { ttl: '1s', grace: '1h', tags: ['t'] }, failing);
        call.catch(() => {});
        cache.on('error', () => {});
        await failing.started;
        await change();
        failing.reject(new Error('down'));
        if (after === null) await assert.rejects(call, { message: 'down' });
        else assert.equal(await call, after);
        await cache.flush();
      }
      await cache.close();
    },
  );

  test('a value that cannot be decoded is a miss to every read, and is computed anew', LIMIT, async () => {
    const cache = new Cache();
    const errors = [];
    cache.on('error', ({ error }) => errors.push(error.code));
    const corrupt = () =>
      binding.write(cache[Symbol.for('ferrocache.handle')], 0, 'k', 1, '{bad', Infinity, 0, null, false);
    corrupt();
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.remember('k', () => 'good'), 'good');
    assert.equal(await cache.get('k'), 'good');
    corrupt();
    cache.on('hit', () => assert.fail('no hit'));
    assert.equal(await cache.has('k'), false);
    assert.deepEqual([...(await cache.many(['k'])).values()], [null]);
    assert.ok(errors.length >= 4 && errors.every((code) => code === 'CACHE_CORRUPT'), String(errors));
    await cache.close();
  });

  test('a callback under a lock is told when the cache closes', LIMIT, async () => {
    const cache = new Cache();
    const inside = gate();
    const call = cache.lockAndRun('l', '1h', async ({ signal }) => {
      await inside();
      return signal.reason?.code;
    });
    await inside.started;
    await cache.close();
    inside.resolve();
    assert.equal(await call, 'CACHE_LOCK_LOST');
  });

  test('a lock that was lost behind a blocked thread is told when the callback ends', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    const states = [];
    cache.on('lock', ({ state }) => states.push(state));
    await cache.lockAndRun('l', '10s', () => cache.clock.advance('11s'));
    assert.deepEqual(states, ['acquired', 'lost']);
    await cache.close();
  });

  test('a cache hears of evictions under its own prefix alone', LIMIT, async () => {
    const name = storeName('prefixes');
    const [a, b] = ['a:', 'b:'].map((prefix) => new Cache({ name, prefix, config: { maxSize: 1 } }));
    const seen = [];
    a.on('evict', ({ key }) => seen.push(`a ${key}`));
    b.on('evict', ({ key }) => seen.push(`b ${key}`));
    await a.put('1', 1);
    await b.put('2', 1);
    await a.put('3', 1);
    await turns();
    assert.deepEqual(seen.sort(), ['a 1', 'b 2']);
    await Promise.all([a.close(), b.close()]);
  });

  test('a class instance comes back with its fields, whatever their types', LIMIT, async () => {
    class User {
      id = 1;
      at = new Date(0);
      roles = new Set(['a']);
      n = NaN;
    }
    const cache = new Cache();
    await cache.put('k', { list: [new User()] });
    const [user] = (await cache.get('k')).list;
    assert.deepEqual({ ...user }, { ...new User() });
    await assert.rejects(cache.put('k', Promise.resolve(1)), {
      code: 'CACHE_INVALID_VALUE',
      message: /await/,
    });
    assert.ok(await cache.has('k'));
    await cache.close();
  });

  test('a listener that is garbage but for its cache still hears', LIMIT, async () => {
    const heard = new Promise((resolve) => {
      const cache = new Cache({ config: { maxSize: 1 } });
      cache.on('evict', resolve);
      void cache.put('a', 1).then(() => cache.put('b', 1));
    });
    globalThis.gc?.();
    assert.equal((await heard).key, 'a');
  });
});
