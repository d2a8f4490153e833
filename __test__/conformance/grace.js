'use strict';

const assert = require('node:assert/strict');
const { gate, turns } = require('../support/deferred.js');
const { next, record } = require('../support/events.js');

// Lives that a real clock can be waited for.
const options = { ttl: 0.1, grace: '1h' };
const TTL_MS = 100;

function suite({ check, pass }) {
  const failing =
    (message = 'down') =>
    async () => {
      throw new Error(message);
    };

  /** A cache whose key `k` holds 'old', past its life and within its grace. */
  async function stale(cache, value = 'old', more = {}) {
    cache.on('error', () => {});
    await cache.remember('k', { ...options, ...more }, () => value);
    await pass(cache, TTL_MS);
  }

  check('a value in grace is served when the factory fails', async (cache) => {
    await stale(cache);
    const seen = record(cache, 'stale', 'error');
    assert.equal(await cache.remember('k', options, failing()), 'old');
    await turns();
    assert.deepEqual(
      seen.filter(({ event }) => event === 'stale'),
      [{ event: 'stale', key: 'k', value: 'old' }],
    );
    const [{ error }] = seen.filter(({ event }) => event === 'error');
    assert.equal(error.message, 'down');
  });

  check('a value in grace is a miss for every other read', async (cache) => {
    await stale(cache);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.has('k'), false);
    assert.equal((await cache.many(['k'])).get('k'), null);
    assert.equal(await cache.ttl('k'), null);
    assert.equal(await cache.touch('k', '1h'), false);
    for await (const key of cache.keys()) assert.fail(`${key} is listed`);
  });

  check('a value in grace gives way to what the factory makes', async (cache) => {
    await stale(cache);
    const refreshed = next(cache, 'refresh');
    assert.equal(await cache.remember('k', options, () => 'new'), 'new');
    assert.equal((await refreshed).key, 'k');
    assert.equal(await cache.get('k'), 'new');
  });

  check('a factory that returns undefined replaces a stale value too', async (cache) => {
    await stale(cache);
    assert.equal(await cache.remember('k', options, () => undefined), undefined);
    assert.equal(await cache.has('k'), true);
    assert.equal(await cache.get('k'), undefined);
  });

  check('without grace a failing factory fails, whatever was stored before', async (cache) => {
    cache.on('error', () => {});
    await cache.remember('k', { ttl: options.ttl }, () => 'old');
    await pass(cache, TTL_MS);
    await assert.rejects(cache.remember('k', options, failing()), { message: 'down' });
  });

  check('after its grace a value is not served', async (cache) => {
    await stale(cache, 'old', { grace: 0.1 });
    await pass(cache, TTL_MS);
    await assert.rejects(cache.remember('k', options, failing()), { message: 'down' });
  });

  check('a timeout of 0 serves the stale value at once and refreshes behind it', async (cache) => {
    await stale(cache);
    const factory = gate();
    const call = { ...options, timeout: 0 };
    assert.equal(await cache.remember('k', call, factory), 'old');
    await factory.started;
    assert.equal(await cache.remember('k', call, factory), 'old');
    const refreshed = next(cache, 'refresh');
    factory.resolve('new');
    await refreshed;
    assert.equal(await cache.get('k'), 'new');
    assert.equal(factory.runs, 1);
  });

  check('a slow factory is not waited for longer than the timeout', { clock: 'system' }, async (cache) => {
    await stale(cache);
    const factory = gate();
    assert.equal(await cache.remember('k', { ...options, timeout: '20ms' }, factory), 'old');
    const refreshed = next(cache, 'refresh');
    factory.resolve('new');
    await refreshed;
    assert.equal(await cache.get('k'), 'new');
  });

  check('a background factory that fails is an error event and nothing more', async (cache) => {
    await stale(cache);
    const reported = next(cache, 'error');
    assert.equal(await cache.remember('k', { ...options, timeout: 0 }, failing('later')), 'old');
    const { error, key } = await reported;
    assert.equal(error.message, 'later');
    assert.equal(key, 'k');
    assert.equal(await cache.remember('k', options, () => 'new'), 'new');
  });

  check('50 callers of a stale value share one run, whether it fails or not', async (cache) => {
    await stale(cache);
    const broken = gate();
    const calls = Array.from({ length: 50 }, () => cache.remember('k', options, broken));
    await broken.started;
    broken.reject(new Error('down'));
    assert.deepEqual(await Promise.all(calls), Array(50).fill('old'));
    assert.equal(broken.runs, 1);
    const working = gate();
    const more = Array.from({ length: 50 }, () => cache.remember('k', options, working));
    await working.started;
    working.resolve('new');
    assert.deepEqual(await Promise.all(more), Array(50).fill('new'));
    assert.equal(working.runs, 1);
  });

  const invalidations = {
    forget: (cache) => cache.forget('k'),
    pull: (cache) => cache.pull('k'),
    'put of a TTL of 0': (cache) => cache.put('k', 'x', 0),
    flush: (cache) => cache.flush(),
    'a flush of its tag': (cache) => cache.tags(['t']).flush(),
    forgetMany: (cache) => cache.forgetMany(['k']),
  };
  for (const [name, invalidate] of Object.entries(invalidations)) {
    check(`a stale value is not served after ${name}`, async (cache) => {
      await stale(cache, 'old', { tags: ['t'] });
      await invalidate(cache);
      await assert.rejects(cache.remember('k', options, failing()), { message: 'down' });
    });

    check(`a stale value is not served by a flight that ${name} overtook`, async (cache) => {
      await stale(cache, 'old', { tags: ['t'] });
      const factory = gate();
      const before = cache.remember('k', { ...options, tags: ['t'] }, factory);
      await factory.started;
      await invalidate(cache);
      const after = cache.remember('k', { ...options, tags: ['t'] }, failing('second'));
      await assert.rejects(after, { message: 'second' });
      factory.resolve('older');
      assert.equal(await before, 'older');
      assert.equal(await cache.get('k'), null);
    });
  }

  check('a put during a refresh wins', async (cache) => {
    await stale(cache);
    const factory = gate();
    const call = cache.remember('k', options, factory);
    await factory.started;
    await cache.put('k', 'written');
    factory.resolve('older');
    assert.equal(await call, 'older');
    assert.equal(await cache.get('k'), 'written');
  });

  check('add sees no value in one that is past its life', async (cache) => {
    await stale(cache);
    assert.equal(await cache.add('k', 'added'), true);
    assert.equal(await cache.get('k'), 'added');
  });
}

module.exports = { title: 'grace', suite };
