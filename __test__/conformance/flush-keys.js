'use strict';

const assert = require('node:assert/strict');
const { next } = require('../support/events.js');

async function listed(cache) {
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  return keys.sort();
}

function suite({ able, check, pass }) {
  for (const name of ['flush', 'clear', 'reset']) {
    check(`${name} removes every entry`, async (cache) => {
      await cache.putMany({ a: 1, b: 2 });
      await cache.tags(['t']).put('c', 3);
      await cache.increment('n');
      await cache.put('ns:x', 4, Infinity);
      assert.equal(await cache[name](), undefined);
      assert.deepEqual(await listed(cache), []);
      for (const key of ['a', 'b', 'c', 'n', 'ns:x']) assert.equal(await cache.get(key), null);
      await cache.put('a', 'again');
      assert.equal(await cache.get('a'), 'again');
    });
  }

  check('reset with a key forgets that key alone', async (cache) => {
    await cache.putMany({ a: 1, b: 2, '': 3 });
    assert.equal(await cache.reset('a'), undefined);
    assert.deepEqual(await listed(cache), ['', 'b']);
    await cache.reset('');
    assert.deepEqual(await listed(cache), ['b']);
    await cache.reset('missing');
    assert.deepEqual(await listed(cache), ['b']);
    await cache.reset(undefined);
    assert.deepEqual(await listed(cache), []);
  });

  check('flush of an empty cache is fine', async (cache) => {
    await cache.flush();
    await cache.flush();
    assert.deepEqual(await listed(cache), []);
  });

  check('flush removes no lock', async (cache) => {
    const lock = await cache.lock('l', '1h');
    await cache.put('l', 1);
    await cache.flush();
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, false);
    assert.equal(await lock.extend('1h'), true);
    assert.equal(await lock.release(), true);
    assert.equal((await cache.lock('l', { maxRetries: 0 })).acquired, true);
  });

  check('a flush is over when its promise is: what is written after it stays', async (cache) => {
    await cache.put('k', 'before');
    const flushed = cache.flush();
    const put = cache.put('k', 'after');
    await Promise.all([flushed, put]);
    assert.equal(await cache.get('k'), 'after');
  });

  check('keys lists what holds a value, once', async (cache) => {
    await cache.putMany({ a: 1, b: null, '': undefined, 'ns:c': 4 });
    await cache.put('a', 5);
    await cache.put('gone', 1);
    await cache.forget('gone');
    await cache.put('short', 1, 0.1);
    await cache.tags(['t']).put('flushed', 1);
    await cache.tags(['t']).flush();
    await cache.lock('locked');
    await pass(cache, 100);
    assert.deepEqual(await listed(cache), ['', 'a', 'b', 'ns:c']);
  });

  check('keys lists thousands of keys, each once', async (cache) => {
    const keys = Array.from({ length: 3000 }, (_, i) => `key ${i}`);
    await cache.putMany(keys.map((key) => [key, 1]));
    assert.deepEqual(await listed(cache), [...keys].sort());
  });

  check('keys can be left in the middle, and written to while it runs', async (cache) => {
    await cache.putMany(Array.from({ length: 50 }, (_, i) => [`k${i}`, i]));
    for await (const key of cache.keys()) {
      assert.match(key, /^k\d+$/);
      break;
    }
    const seen = new Set();
    for await (const key of cache.keys()) {
      assert.ok(!seen.has(key));
      seen.add(key);
      await cache.put('late', 1);
      await cache.forget('k0');
    }
    for (let i = 1; i < 50; i += 1) assert.ok(seen.has(`k${i}`), `k${i}`);
  });

  check('keys are listed without the prefix', { prefix: 'app:' }, async (cache) => {
    await cache.putMany({ a: 1, 'app:b': 2 });
    assert.deepEqual(await listed(cache), ['a', 'app:b']);
  });

  const prefixes = ['app:', 'app[1]*', '*', '?', '\\', '{a}', '😀'];
  for (const prefix of able.emptyPrefix ? [...prefixes, ''] : prefixes) {
    check(`a cache with the prefix ${JSON.stringify(prefix)} works`, { prefix }, async (cache) => {
      await cache.tags(['t']).put('a', 1);
      await cache.put('b', 2);
      assert.deepEqual(await listed(cache), ['a', 'b']);
      await cache.tags(['t']).flush();
      assert.deepEqual(await listed(cache), ['b']);
      await cache.flush();
      assert.deepEqual(await listed(cache), []);
      assert.equal(await cache.remember('a', () => 3), 3);
      assert.equal(await cache.get('a'), 3);
    });
  }

  check('a flush is a clear event', async (cache) => {
    const cleared = next(cache, 'clear');
    await cache.flush();
    const event = await cleared;
    assert.equal(event.namespace, '');
    assert.equal(typeof event.durationMs, 'number');
  });
}

module.exports = { title: 'flush and keys', suite };
