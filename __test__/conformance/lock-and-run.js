'use strict';

const assert = require('node:assert/strict');
const { once: onceEvent } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const { gate, turns } = require('../support/deferred.js');
const { cacheError, rejects } = require('../support/errors.js');

const once = { maxRetries: 0 };

function suite({ check }) {
  check('lockAndRun holds the lock while its callback runs and hands over what it returns', async (cache) => {
    const result = await cache.lockAndRun('l', '1m', async ({ signal, token }) => {
      assert.ok(signal instanceof AbortSignal);
      assert.equal(signal.aborted, false);
      assert.equal(typeof token, 'number');
      assert.equal((await cache.lock('l', once)).acquired, false);
      return { done: true };
    });
    assert.deepEqual(result, { done: true });
    assert.equal((await cache.lock('l', once)).acquired, true);
  });

  check('what a callback returns is handed over as it is', async (cache) => {
    const object = { f() {} };
    assert.equal(await cache.lockAndRun('l', {}, () => object), object);
    assert.equal(await cache.lockAndRun('l', '1m', () => undefined), undefined);
  });

  check('what a callback throws passes through, and the lock is free', async (cache) => {
    const thrown = new RangeError('from the callback');
    const failing = [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
    ];
    for (const callback of failing) {
      await assert.rejects(cache.lockAndRun('l', '1m', callback), (error) => error === thrown);
      const lock = await cache.lock('l', once);
      assert.equal(lock.acquired, true);
      await lock.release();
    }
    const rejected = cache.lockAndRun('l', '1m', () => Promise.reject('no error'));
    await assert.rejects(rejected, (reason) => reason === 'no error');
  });

  check(
    'lockAndRun rejects where the lock cannot be had, and runs nothing',
    { clock: 'system' },
    async (cache) => {
      const holder = await cache.lock('l');
      const never = () => assert.fail('it ran');
      await rejects(() => cache.lockAndRun('l', once, never), 'CACHE_LOCK_TIMEOUT', /l/);
      await rejects(
        () => cache.lockAndRun('l', { wait: '20ms', retryInterval: 5 }, never),
        'CACHE_LOCK_TIMEOUT',
      );
      assert.equal(await holder.release(), true);
      assert.equal(await cache.lockAndRun('l', once, () => 'ran'), 'ran');
    },
  );

  check(
    'callbacks under one lock never overlap, and their tokens grow',
    { clock: 'system' },
    async (cache) => {
      let inside = 0;
      const tokens = [];
      const options = { ttl: '1m', wait: '30s', retryInterval: 1, maxRetries: 1e6 };
      const run = () =>
        cache.lockAndRun('l', options, async ({ token }) => {
          inside += 1;
          assert.equal(inside, 1);
          tokens.push(token);
          await turns(2);
          inside -= 1;
        });
      await Promise.all(Array.from({ length: 10 }, run));
      assert.equal(tokens.length, 10);
      for (let i = 1; i < tokens.length; i += 1) assert.ok(tokens[i] > tokens[i - 1]);
    },
  );

  check('a lock is renewed while its callback runs', { clock: 'system' }, async (cache) => {
    const ttl = 0.5;
    await cache.lockAndRun('l', { ttl }, async ({ signal }) => {
      const end = cache.clock.now() + 3 * ttl * 1000;
      while (cache.clock.now() < end) {
        assert.equal((await cache.lock('l', once)).acquired, false);
        await sleep(20);
      }
      assert.equal(signal.aborted, false);
    });
    assert.equal((await cache.lock('l', once)).acquired, true);
  });

  /** Holds up the event loop, and with it the renewal of locks, until a life of `ttl` is over. */
  function outlast(ttl) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ttl * 1000 * 1.5);
  }

  check('a callback whose lock is lost is told by its signal', { clock: 'system' }, async (cache) => {
    const ttl = 0.2;
    const call = cache.lockAndRun('l', { ttl }, async ({ signal }) => {
      const aborted = onceEvent(signal, 'abort');
      outlast(ttl);
      const thief = await cache.lock('l', { ttl: '1h', maxRetries: 0 });
      assert.equal(thief.acquired, true);
      await aborted;
      cacheError('CACHE_LOCK_LOST')(signal.reason);
    });
    const [outcome] = await Promise.allSettled([call]);
    // Whether the call itself rejects is not said; the callback was told. The thief's lock stands.
    if (outcome.status === 'rejected') cacheError('CACHE_LOCK_LOST')(outcome.reason);
    assert.equal((await cache.lock('l', once)).acquired, false);
  });

  check('a lost lock is a lock event', { clock: 'system' }, async (cache) => {
    const ttl = 0.2;
    const states = [];
    cache.on('lock', ({ state }) => states.push(state));
    const call = cache.lockAndRun('l', { ttl }, async ({ signal }) => {
      const aborted = onceEvent(signal, 'abort');
      outlast(ttl);
      await aborted;
    });
    await Promise.allSettled([call]);
    await turns();
    assert.deepEqual(states, ['acquired', 'lost']);
  });

  check('a second run waits for the first', { clock: 'system' }, async (cache) => {
    const first = gate();
    const order = [];
    const one = cache.lockAndRun('l', '1m', async () => {
      await first();
      order.push('first');
    });
    await first.started;
    const options = { wait: '30s', retryInterval: 1, maxRetries: 1e6 };
    const two = cache.lockAndRun('l', options, () => {
      order.push('second');
    });
    await turns();
    first.resolve();
    await Promise.all([one, two]);
    assert.deepEqual(order, ['first', 'second']);
  });

  check('the options of a lock are checked before it is tried', async (cache) => {
    const never = () => assert.fail('it ran');
    for (const ttl of [NaN, 'abc', '', {}, true]) {
      await rejects(() => cache.lock('l', { ttl }), 'CACHE_INVALID_TTL');
      await rejects(() => cache.lockAndRun('l', { ttl }, never), 'CACHE_INVALID_TTL');
      await rejects(() => cache.lock('l', { wait: ttl }), 'CACHE_INVALID_TTL');
    }
    for (const ttl of [NaN, 'abc', '']) await rejects(() => cache.lock('l', ttl), 'CACHE_INVALID_TTL');
    for (const number of [-1, NaN, '5', {}]) {
      await rejects(() => cache.lock('l', { maxRetries: number }), 'CACHE_INVALID_ARGUMENT', /maxRetries/);
      await rejects(
        () => cache.lock('l', { retryInterval: number }),
        'CACHE_INVALID_ARGUMENT',
        /retryInterval/,
      );
    }
    for (const callback of [undefined, null, 5, 'x', {}, Promise.resolve()]) {
      await rejects(() => cache.lockAndRun('l', '1m', callback), 'CACHE_INVALID_ARGUMENT', /function/);
    }
    assert.equal((await cache.lock('l', once)).acquired, true);
  });
}

module.exports = { title: 'lockAndRun', suite };
