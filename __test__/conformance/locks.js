'use strict';

const assert = require('node:assert/strict');
const { turns } = require('../support/deferred.js');
const { next, record } = require('../support/events.js');

const once = { maxRetries: 0 };
const SHORT = 0.2;
const SHORT_MS = 200;

function suite({ check, pass }) {
  check('one holder has a lock, until it releases it', async (cache) => {
    const lock = await cache.lock('l');
    assert.equal(lock.acquired, true);
    assert.equal(lock.key, 'l');
    assert.equal(typeof lock.token, 'number');
    const second = await cache.lock('l', once);
    assert.equal(second.acquired, false);
    assert.equal(second.token, null);
    assert.equal(await lock.release(), true);
    const third = await cache.lock('l', once);
    assert.equal(third.acquired, true);
    await third.release();
  });

  check('the members of a lock that was not had do nothing', async (cache) => {
    const lock = await cache.lock('l');
    const without = await cache.lock('l', once);
    assert.equal(await without.release(), false);
    assert.equal(await without.extend('1h'), false);
    await without[Symbol.asyncDispose]();
    assert.equal((await cache.lock('l', once)).acquired, false);
    assert.equal(await lock.release(), true);
  });

  check('a lock is released once', async (cache) => {
    const lock = await cache.lock('l');
    assert.equal(await lock.release(), true);
    assert.equal(await lock.release(), false);
    assert.equal(await lock.extend('1h'), false);
    const next_ = await cache.lock('l', once);
    assert.equal(await lock.release(), false);
    assert.equal((await cache.lock('l', once)).acquired, false);
    assert.equal(await next_.release(), true);
  });

  check('of many tries at once exactly one gets the lock', async (cache) => {
    const locks = await Promise.all(Array.from({ length: 20 }, () => cache.lock('l', once)));
    assert.equal(locks.filter((lock) => lock.acquired).length, 1);
  });

  check('locks of different names are independent of each other and of entries', async (cache) => {
    await cache.put('a', 'value');
    const a = await cache.lock('a');
    const b = await cache.lock('b', once);
    assert.equal(a.acquired && b.acquired, true);
    assert.equal(await cache.get('a'), 'value');
    await cache.forget('a');
    await cache.put('a', 'other');
    assert.equal((await cache.lock('a', once)).acquired, false);
    for await (const key of cache.keys()) assert.equal(key, 'a');
    assert.equal(await a.release(), true);
    assert.equal(await cache.get('a'), 'other');
    assert.equal(await b.release(), true);
  });

  check('a lock ends with its life', async (cache) => {
    const lock = await cache.lock('l', { ttl: SHORT });
    await pass(cache, SHORT_MS);
    const other = await cache.lock('l', once);
    assert.equal(other.acquired, true);
    assert.equal(await lock.extend('1h'), false);
  });

  check("the release of an expired lock does not free the next owner's", async (cache) => {
    const first = await cache.lock('l', { ttl: SHORT });
    await pass(cache, SHORT_MS);
    const second = await cache.lock('l', { ttl: '1h' });
    assert.equal(second.acquired, true);
    assert.equal(await first.release(), false);
    assert.equal(await first.extend('2h'), false);
    assert.equal((await cache.lock('l', once)).acquired, false);
    assert.equal(await second.release(), true);
  });

  check('an expired lock that nobody took is not ours any more', async (cache) => {
    const lock = await cache.lock('l', { ttl: SHORT });
    await pass(cache, SHORT_MS);
    assert.equal(await lock.extend('1h'), false);
    assert.equal(await lock.release(), false);
  });

  check('extend sets the remaining life', async (cache) => {
    const lock = await cache.lock('l', { ttl: SHORT });
    assert.equal(await lock.extend('1h'), true);
    await pass(cache, SHORT_MS);
    assert.equal((await cache.lock('l', once)).acquired, false);
    assert.equal(await lock.extend(SHORT), true);
    await pass(cache, SHORT_MS);
    assert.equal((await cache.lock('l', once)).acquired, true);
  });

  check('a lock takes its life as a TTL, as ttl, or as timeout', async (cache) => {
    await cache.lock('short', SHORT);
    await cache.lock('ttl', { ttl: SHORT });
    await cache.lock('timeout', { timeout: SHORT });
    await cache.lock('long', '1h');
    await pass(cache, SHORT_MS);
    assert.equal((await cache.lock('short', once)).acquired, true);
    assert.equal((await cache.lock('ttl', once)).acquired, true);
    assert.equal((await cache.lock('timeout', once)).acquired, true);
    assert.equal((await cache.lock('long', once)).acquired, false);
  });

  check('fencing tokens only grow, over releases, expiries and flushes', async (cache) => {
    let last = -Infinity;
    const take = async () => {
      const lock = await cache.lock('l', { ttl: SHORT });
      assert.equal(lock.acquired, true);
      assert.ok(Number.isSafeInteger(lock.token));
      assert.ok(lock.token > last, `${lock.token} after ${last}`);
      last = lock.token;
      return lock;
    };
    for (let round = 0; round < 5; round += 1) await (await take()).release();
    for (let round = 0; round < 2; round += 1) {
      await take();
      await pass(cache, SHORT_MS);
    }
    await cache.flush();
    await (await take()).release();
    await cache.forget('l');
    await (await take()).release();
  });

  check('an extended lock keeps its token', async (cache) => {
    const lock = await cache.lock('l');
    const { token } = lock;
    await lock.extend('2h');
    assert.equal(lock.token, token);
  });

  check('a waiting lock is had when the holder releases it', { clock: 'system' }, async (cache) => {
    const holder = await cache.lock('l');
    const waiting = cache.lock('l', { wait: '30s', retryInterval: 5, maxRetries: 1e6 });
    await turns();
    assert.equal(await holder.release(), true);
    const lock = await waiting;
    assert.equal(lock.acquired, true);
    assert.ok(lock.token > holder.token);
    assert.equal(await lock.release(), true);
  });

  check(
    'everybody who waits long enough gets the lock, one at a time',
    { clock: 'system' },
    async (cache) => {
      let holders = 0;
      let served = 0;
      const one = async () => {
        const lock = await cache.lock('l', { wait: '30s', retryInterval: 1, maxRetries: 1e6 });
        assert.equal(lock.acquired, true);
        holders += 1;
        assert.equal(holders, 1);
        await turns(2);
        holders -= 1;
        served += 1;
        assert.equal(await lock.release(), true);
      };
      await Promise.all(Array.from({ length: 10 }, one));
      assert.equal(served, 10);
    },
  );

  check('a wait ends at its bound', { clock: 'system' }, async (cache) => {
    const holder = await cache.lock('l');
    const bounds = [
      { wait: '40ms' },
      { wait: 0 },
      { maxRetries: 0 },
      { maxRetries: 2, retryInterval: 5 },
      { wait: '1h', maxRetries: 1, retryInterval: 1 },
    ];
    for (const bound of bounds) {
      assert.equal((await cache.lock('l', bound)).acquired, false, JSON.stringify(bound));
    }
    assert.equal(await holder.release(), true);
  });

  check('a wait may be as short as nothing and still tries', async (cache) => {
    for (const bound of [{ maxRetries: 0 }, { wait: 0 }, { wait: 0, maxRetries: 0 }]) {
      const lock = await cache.lock('l', bound);
      assert.equal(lock.acquired, true, JSON.stringify(bound));
      assert.equal(await lock.release(), true);
    }
  });

  check('a signal ends the wait with its reason', { clock: 'system' }, async (cache) => {
    const holder = await cache.lock('l');
    const controller = new AbortController();
    const waiting = cache.lock('l', { wait: '1h', maxRetries: 1e6, signal: controller.signal });
    const reason = new Error('enough');
    await turns();
    controller.abort(reason);
    await assert.rejects(waiting, (error) => error === reason);
    const early = cache.lock('free', { signal: AbortSignal.abort(reason) });
    await assert.rejects(early, (error) => error === reason);
    assert.equal((await cache.lock('free', once)).acquired, true);
    assert.equal(await holder.release(), true);
    assert.equal((await cache.lock('l', once)).acquired, true);
  });

  check('a lock that is disposed of is free', async (cache) => {
    const lock = await cache.lock('l');
    await lock[Symbol.asyncDispose]();
    assert.equal((await cache.lock('l', once)).acquired, true);
  });

  check('locks are counted, and seen to change hands', async (cache) => {
    const seen = record(cache, 'lock');
    const lock = await cache.lock('l');
    assert.equal((await cache.stats()).locks, 1);
    const failed = next(cache, 'lock', ({ state }) => state === 'timeout');
    await cache.lock('l', once);
    assert.equal((await failed).token, null);
    const released = next(cache, 'lock', ({ state }) => state === 'released');
    await lock.release();
    await released;
    assert.equal((await cache.stats()).locks, 0);
    assert.deepEqual(seen, [
      { event: 'lock', key: 'l', state: 'acquired', token: lock.token },
      { event: 'lock', key: 'l', state: 'timeout', token: null },
      { event: 'lock', key: 'l', state: 'released', token: lock.token },
    ]);
  });
}

module.exports = { title: 'locks', suite };
