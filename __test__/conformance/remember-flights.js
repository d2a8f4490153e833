'use strict';

const assert = require('node:assert/strict');
const { deferred, gate, turns } = require('../support/deferred.js');
const { cacheError, rejects } = require('../support/errors.js');

function suite({ check }) {
  check('concurrent callers share one run of the factory', async (cache) => {
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.remember('k', factory));
    await factory.started;
    calls.push(cache.remember('k', () => assert.fail('a second factory ran')));
    assert.equal(await cache.get('k'), null);
    factory.resolve({ n: 1 });
    for (const value of await Promise.all(calls)) assert.deepEqual(value, { n: 1 });
    assert.equal(factory.runs, 1);
  });

  check('flights of different keys do not wait for each other', async (cache) => {
    const slow = gate();
    const waiting = cache.remember('slow', slow);
    await slow.started;
    assert.equal(await cache.remember('quick', () => 'v'), 'v');
    slow.resolve('w');
    assert.equal(await waiting, 'w');
  });

  check('a failing factory fails all its present callers once, with the same error', async (cache) => {
    const factory = gate();
    const calls = Array.from({ length: 50 }, () => cache.remember('k', factory));
    await factory.started;
    const thrown = new Error('no database');
    factory.reject(thrown);
    for (const result of await Promise.allSettled(calls)) {
      assert.equal(result.status, 'rejected');
      assert.equal(result.reason, thrown);
    }
    assert.equal(factory.runs, 1);
    assert.equal(await cache.remember('k', () => 'recovered'), 'recovered');
    assert.equal(await cache.get('k'), 'recovered');
  });

  check('a skipped value reaches all present callers', async (cache) => {
    const started = deferred();
    const end = deferred();
    const calls = Array.from({ length: 5 }, () =>
      cache.remember('k', async (context) => {
        context.skip();
        started.resolve();
        return end.promise;
      }),
    );
    await started.promise;
    end.resolve('shared');
    assert.deepEqual(await Promise.all(calls), Array(5).fill('shared'));
    assert.equal(await cache.has('k'), false);
  });

  check('a signal ends the wait of its caller alone, with its reason', async (cache) => {
    const factory = gate();
    const controller = new AbortController();
    const leader = cache.remember('k', factory);
    await factory.started;
    const leaving = cache.remember('k', { signal: controller.signal }, factory);
    const staying = cache.remember('k', factory);
    const reason = new Error('the client went away');
    controller.abort(reason);
    await assert.rejects(leaving, (error) => error === reason);
    factory.resolve('v');
    assert.equal(await leader, 'v');
    assert.equal(await staying, 'v');
    assert.equal(await cache.get('k'), 'v');
  });

  check('the factory goes on for the others when the caller that started it leaves', async (cache) => {
    const factory = gate();
    const controller = new AbortController();
    const leaving = cache.remember('k', { signal: controller.signal }, factory);
    const context = await factory.started;
    const staying = cache.remember('k', factory);
    controller.abort();
    await assert.rejects(leaving, { name: 'AbortError' });
    assert.equal(context.signal.aborted, false);
    factory.resolve('v');
    assert.equal(await staying, 'v');
    assert.equal(await cache.get('k'), 'v');
    assert.equal(factory.runs, 1);
  });

  check('a signal that is aborted already rejects without running the factory', async (cache) => {
    const reason = new Error('too late');
    const call = cache.remember('k', { signal: AbortSignal.abort(reason) }, () => assert.fail('it ran'));
    await assert.rejects(call, (error) => error === reason);
  });

  check(
    'a factory that never settles rejects all its callers at its deadline',
    { clock: 'system' },
    async (cache) => {
      const factory = gate();
      const options = { hardTimeout: '50ms' };
      const calls = Array.from({ length: 5 }, () => cache.remember('k', options, factory));
      const { signal } = await factory.started;
      for (const result of await Promise.allSettled(calls)) {
        assert.equal(result.status, 'rejected');
        cacheError('CACHE_TIMEOUT')(result.reason);
      }
      assert.equal(signal.aborted, true);
      assert.equal(factory.runs, 1);
    },
  );

  check(
    'hardTimeout is the deadline of factories that do not say',
    { clock: 'system', hardTimeout: '50ms' },
    async (cache) => {
      const factory = gate();
      await rejects(() => cache.remember('k', factory), 'CACHE_TIMEOUT');
      assert.equal(await cache.has('k'), false);
    },
  );

  check(
    'a factory past its deadline holds up nobody and overwrites nothing',
    { clock: 'system' },
    async (cache) => {
      const late = gate();
      await rejects(() => cache.remember('k', { hardTimeout: '50ms' }, late), 'CACHE_TIMEOUT');
      assert.equal(await cache.remember('k', () => 'newer'), 'newer');
      late.resolve('late');
      await turns();
      assert.equal(await cache.get('k'), 'newer');
    },
  );

  check(
    'a factory past its deadline may fail late without anybody noticing',
    { clock: 'system' },
    async (cache) => {
      const late = gate();
      await rejects(() => cache.remember('k', { hardTimeout: '50ms' }, late), 'CACHE_TIMEOUT');
      late.reject(new Error('late'));
      await turns();
      assert.equal(await cache.remember('k', () => 'v'), 'v');
    },
  );

  check('close aborts the signals of running factories, and no caller is left waiting', async (cache) => {
    const factory = gate();
    const calls = [cache.remember('k', factory), cache.remember('k', factory)];
    const { signal } = await factory.started;
    await cache.close();
    assert.equal(signal.aborted, true);
    for (const result of await Promise.allSettled(calls)) {
      assert.equal(result.status, 'rejected');
      cacheError('CACHE_CLOSED')(result.reason);
    }
    factory.resolve('late');
    await turns();
  });

  check('a flight that ended leaves nothing behind', async (cache) => {
    const failing = cache.remember('bad', () => Promise.reject(new Error('no')));
    await assert.rejects(failing);
    await cache.remember('good', () => 1);
    await cache.remember('skipped', (context) => context.skip());
    const { flights } = await cache.stats();
    assert.equal(flights, 0);
  });

  check('the number of running factories is counted', async (cache) => {
    const factories = [gate(), gate()];
    const calls = factories.map((factory, i) => cache.remember(`k${i}`, factory));
    await Promise.all(factories.map((factory) => factory.started));
    assert.equal((await cache.stats()).flights, 2);
    for (const factory of factories) factory.resolve(1);
    await Promise.all(calls);
    assert.equal((await cache.stats()).flights, 0);
  });
}

module.exports = { title: 'flights', suite };
