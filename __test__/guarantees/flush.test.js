'use strict';

// Guarantee 7: what is the user's and what is the cache's never meet, and flush keeps to its prefix.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../../index.js');
const { gate } = require('../support/deferred.js');
const { storeName } = require('../support/threads.js');
require('../support/alive.js');

const LIMIT = { timeout: 10_000 };
const once = { maxRetries: 0 };

/** Caches of one store, one for each prefix. */
async function withPrefixes(prefixes, body) {
  const name = storeName('prefixes');
  const caches = prefixes.map((prefix) => new Cache({ name, prefix }));
  try {
    await body(...caches);
  } finally {
    await Promise.all(caches.map((cache) => cache.close()));
  }
}

describe('flush', () => {
  test('removes what is under its prefix and nothing else', LIMIT, async () => {
    await withPrefixes(['app:', 'jobs:', 'app', 'ap', ''], async (app, jobs, longer, shorter, all) => {
      await app.put('k', 1);
      await jobs.put('k', 2);
      await shorter.put('x', 3);
      await all.put('apq', 4);
      await app.flush();
      assert.equal(await app.get('k'), null);
      assert.equal(await jobs.get('k'), 2);
      assert.equal(await shorter.get('x'), 3);
      assert.equal(await all.get('apq'), 4);
      await longer.put('z', 5);
      await longer.flush();
      assert.equal(await longer.get('z'), null);
      assert.equal(await all.get('apq'), 4);
    });
  });

  test('takes no character of a prefix for a pattern', LIMIT, async () => {
    const prefixes = ['a*', '*', '?', '[ab]', '[', '\\', '%', '_', '.*', '{a}'];
    for (const prefix of prefixes) {
      await withPrefixes([prefix, 'abc:', 'a:', 'b'], async (odd, ...others) => {
        await odd.put('k', 'odd');
        for (const other of others) await other.put('k', 'kept');
        await odd.flush();
        assert.equal(await odd.get('k'), null, prefix);
        for (const other of others) assert.equal(await other.get('k'), 'kept', prefix);
      });
    }
  });

  test("spares every lock, its own and others'", LIMIT, async () => {
    await withPrefixes(['a:', 'b:'], async (a, b) => {
      const locks = [
        await a.lock('l', '1h'),
        await b.lock('l', '1h'),
        await a.namespace('n').lock('l', '1h'),
      ];
      await a.flush();
      await a.namespace('n').flush();
      await b.clear();
      await a.reset();
      assert.equal((await a.lock('l', once)).acquired, false);
      assert.equal((await b.lock('l', once)).acquired, false);
      assert.equal((await a.namespace('n').lock('l', once)).acquired, false);
      for (const lock of locks) assert.equal(await lock.release(), true);
    });
  });

  test('of another prefix lets a running factory store its value', LIMIT, async () => {
    await withPrefixes(['a:', 'b:'], async (a, b) => {
      const factory = gate();
      const call = a.remember('k', factory);
      await factory.started;
      await b.flush();
      factory.resolve('v');
      await call;
      assert.equal(await a.get('k'), 'v');
    });
  });

  test('of a prefix stops a running factory under it from storing', LIMIT, async () => {
    await withPrefixes(['a:', ''], async (a, all) => {
      const factory = gate();
      const call = a.remember('k', factory);
      await factory.started;
      await all.flush();
      factory.resolve('older');
      assert.equal(await call, 'older');
      assert.equal(await a.get('k'), null);
    });
  });
});

describe('prefixes of one store keep apart', () => {
  test('entries, tags and locks', LIMIT, async () => {
    await withPrefixes(['a:', 'b:'], async (a, b) => {
      await a.tags(['t']).put('k', 'of a');
      await b.tags(['t']).put('k', 'of b');
      const lock = await a.lock('l');
      assert.equal((await b.lock('l', once)).acquired, true);
      await a.tags(['t']).flush();
      assert.equal(await a.get('k'), null);
      assert.equal(await b.get('k'), 'of b');
      assert.equal(await lock.release(), true);
    });
  });

  test('a flight of one prefix is not joined from another', LIMIT, async () => {
    await withPrefixes(['a:', 'b:'], async (a, b) => {
      const factory = gate();
      const call = a.remember('k', factory);
      await factory.started;
      assert.equal(await b.remember('k', () => 'own'), 'own');
      factory.resolve('of a');
      assert.equal(await call, 'of a');
      assert.equal(await b.get('k'), 'own');
    });
  });

  test('a listing of keys', LIMIT, async () => {
    await withPrefixes(['a:', 'a:b:'], async (outer, inner) => {
      await inner.put('k', 1);
      await outer.put('x', 2);
      const keys = [];
      for await (const key of inner.keys()) keys.push(key);
      assert.deepEqual(keys, ['k']);
      const all = [];
      for await (const key of outer.keys()) all.push(key);
      assert.deepEqual(all.sort(), ['b:k', 'x']);
    });
  });
});
