'use strict';

// Guarantee 2 over the worker threads of one process.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { gate, turns } = require('../support/deferred.js');
const { storeName, withThreads } = require('../support/threads.js');
const { openFor } = require('../support/open.js');
require('../support/alive.js');

const LIMIT = { timeout: 20_000 };
// The deadline is beyond the tests' own, so that it hands nothing over in place of what is tested.
const options = () => ({ name: storeName('threads'), hardTimeout: '40s' });

describe('one flight over the worker threads of one store', () => {
  test('callers in four threads run the factory once', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(3, opened, async (...threads) => {
      const calls = threads.flatMap((thread) => [thread.remember('k'), thread.remember('k')]);
      const own = gate();
      await Promise.all(calls.map((call) => call.asked));
      const local = main.remember('k', own);
      const leader = await Promise.race(calls.map((call) => call.started.then(() => call)));
      assert.equal((await main.stats()).flights, 1);
      leader.resolve({ from: 'leader' });
      for (const call of calls) assert.deepEqual(await call.outcome, { from: 'leader' });
      assert.deepEqual(await local, { from: 'leader' });
      assert.equal(calls.reduce((sum, call) => sum + call.runs, 0) + own.runs, 1);
      assert.deepEqual(await main.get('k'), { from: 'leader' });
    });
  });

  test('a factory of this thread serves the callers in the others', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (...threads) => {
      const own = gate();
      const local = main.remember('k', own);
      await own.started;
      const calls = threads.map((thread) => thread.remember('k'));
      await Promise.all(calls.map((call) => call.asked));
      const value = { map: new Map([['at', new Date(5)]]), buffer: Buffer.from('b') };
      own.resolve(value);
      assert.deepEqual(await local, value);
      for (const call of calls) {
        const seen = await call.outcome;
        assert.deepEqual(seen.map, value.map);
        assert.deepEqual(Buffer.from(seen.buffer), value.buffer);
        assert.equal(call.runs, 0);
      }
    });
  });

  test(
    'a failing factory fails the callers in all threads, and is not run again for them',
    LIMIT,
    async (t) => {
      const opened = options();
      const main = openFor(t, opened);
      await withThreads(2, opened, async (leaderThread, otherThread) => {
        const leader = leaderThread.remember('k');
        await leader.started;
        const waiters = [leaderThread.remember('k'), otherThread.remember('k'), otherThread.remember('k')];
        await Promise.all(waiters.map((call) => call.asked));
        const own = gate();
        const local = main.remember('k', own);
        local.catch(() => {});
        await main.has('k');
        await turns();
        leader.reject('no database', 'RangeError');
        for (const outcome of [leader.outcome, ...waiters.map((call) => call.outcome), local]) {
          await assert.rejects(outcome, (error) => {
            assert.ok(error instanceof Error);
            assert.equal(error.name, 'RangeError');
            assert.equal(error.message, 'no database');
            return true;
          });
        }
        assert.equal(own.runs + waiters.reduce((sum, call) => sum + call.runs, 0), 0);
        assert.equal(await main.remember('k', () => 'recovered'), 'recovered');
      });
    },
  );

  test('a flight does not reach over to a store of another name', LIMIT, async (t) => {
    const opened = options();
    const other = openFor(t, options());
    await withThreads(1, opened, async (thread) => {
      const leader = thread.remember('k');
      await leader.started;
      assert.equal(await other.remember('k', () => 'own'), 'own');
      leader.resolve('thread');
      assert.equal(await leader.outcome, 'thread');
      assert.equal(await other.get('k'), 'own');
    });
  });

  test('a value that skips the store still reaches the waiters in other threads', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(1, opened, async (thread) => {
      const own = gate();
      const local = main.remember('k', own);
      (await own.started).skip();
      const waiter = thread.remember('k');
      await waiter.asked;
      own.resolve('skipped');
      assert.equal(await local, 'skipped');
      assert.equal(await waiter.outcome, 'skipped');
      assert.equal(await main.has('k'), false);
    });
  });
});

describe('a worker that is terminated', () => {
  test('hands over the factory it ran: a waiter of another thread runs its own at once', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (doomed, survivor) => {
      const leader = doomed.remember('k');
      await leader.started;
      const waiter = survivor.remember('k');
      await waiter.asked;
      const own = gate();
      const local = main.remember('k', own);
      await main.has('k');
      await turns();
      assert.equal(own.runs + waiter.runs, 0);
      await doomed.terminate();
      const next = await Promise.race([waiter.started.then(() => waiter), own.started.then(() => own)]);
      next.resolve('second run');
      assert.equal(await waiter.outcome, 'second run');
      assert.equal(await local, 'second run');
      assert.equal(own.runs + waiter.runs, 1);
      assert.equal(await main.get('k'), 'second run');
      assert.equal((await main.stats()).flights, 0);
    });
  });

  test('leaves no flight behind when nobody waits', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(1, opened, async (doomed) => {
      await doomed.remember('k').started;
      assert.equal((await main.stats()).flights, 1);
      await doomed.terminate();
      assert.equal(await main.remember('k', () => 'own'), 'own');
      assert.equal((await main.stats()).flights, 0);
    });
  });

  test('while it waits for a factory of another thread disturbs nobody', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(2, opened, async (doomed, survivor) => {
      const own = gate();
      const local = main.remember('k', own);
      await own.started;
      const calls = [doomed.remember('k'), survivor.remember('k')];
      await Promise.all(calls.map((call) => call.asked));
      await doomed.terminate();
      own.resolve('v');
      assert.equal(await local, 'v');
      assert.equal(await calls[1].outcome, 'v');
    });
  });

  test('frees the lock it held at once, whatever its TTL', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(1, opened, async (doomed) => {
      const held = await doomed.lock('l', { ttl: '1h' });
      assert.equal(held.acquired, true);
      assert.equal((await main.lock('l', { maxRetries: 0 })).acquired, false);
      const waiting = main.lock('l', { wait: '30s', retryInterval: 5, maxRetries: 1e6 });
      await turns();
      await doomed.terminate();
      const lock = await waiting;
      assert.equal(lock.acquired, true);
      assert.ok(lock.token > held.token);
      assert.equal(await lock.release(), true);
    });
  });

  test('frees its locks even if it took several and nobody waited', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(1, opened, async (doomed) => {
      for (let i = 0; i < 5; i += 1) await doomed.lock(`l${i}`, { ttl: '1h' });
      const mine = await main.lock('mine', { ttl: '1h' });
      assert.equal((await main.stats()).locks, 6);
      await doomed.terminate();
      for (let i = 0; i < 5; i += 1) {
        assert.equal((await main.lock(`l${i}`, { maxRetries: 0 })).acquired, true, `l${i}`);
      }
      assert.equal((await main.lock('mine', { maxRetries: 0 })).acquired, false);
      assert.equal(await mine.release(), true);
    });
  });

  test('keeps what it stored', LIMIT, async (t) => {
    const opened = options();
    const main = openFor(t, opened);
    await withThreads(1, opened, async (doomed) => {
      await doomed.call('put', 'k', { v: 1 });
      await doomed.terminate();
      assert.deepEqual(await main.get('k'), { v: 1 });
    });
  });
});
