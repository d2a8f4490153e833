'use strict';

const assert = require('node:assert/strict');
const { rejects } = require('../support/errors.js');

const MEBIBYTE = 1024 * 1024;

/** Keys that some backend, pattern or object gives a meaning to. */
const peculiar = [
  '',
  ' ',
  'a b',
  'a\tb\nc\r\n',
  '\0',
  'a\0b',
  ':',
  '::',
  'a:',
  ':a',
  '*',
  'user:*',
  'user:?',
  '[a-z]',
  '[',
  ']',
  '\\',
  '\\*',
  '{tag}',
  '{}',
  '}{',
  '/',
  '../x',
  'a/b?c=d&e#f',
  '%20',
  '+',
  '_design/cache',
  '_local/x',
  '_id',
  '$lease',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'null',
  'undefined',
  'é',
  'e\u0301',
  '漢字',
  '👩‍👩‍👧',
  '\u2028',
  '\uFEFF',
  '\uFFFF',
  'lock:x',
  'tag:x',
  'lease:x',
  'epoch:x',
  'A',
  'a',
];

function suite({ check }) {
  check('every string is a key of its own, whatever it means to the backend', async (cache) => {
    await Promise.all(peculiar.map((key, i) => cache.put(key, i)));
    for (const [i, key] of peculiar.entries()) {
      assert.equal(await cache.get(key), i, JSON.stringify(key));
      assert.equal(await cache.has(key), true, JSON.stringify(key));
    }
    const many = await cache.many(peculiar);
    assert.deepEqual([...many.keys()], peculiar);
    assert.deepEqual([...many.values()], [...peculiar.keys()]);
    const listed = [];
    for await (const key of cache.keys()) listed.push(key);
    assert.deepEqual(listed.sort(), [...peculiar].sort());
  });

  check('forgetting a key that looks like a pattern forgets that key alone', async (cache) => {
    await Promise.all(peculiar.map((key, i) => cache.put(key, i)));
    for (const [i, key] of peculiar.entries()) {
      assert.equal(await cache.forget(key), true, JSON.stringify(key));
      assert.equal(await cache.get(key), null, JSON.stringify(key));
      for (const [j, other] of peculiar.entries()) {
        if (j > i) assert.equal(await cache.has(other), true, `${JSON.stringify(key)} took ${other}`);
      }
    }
  });

  check('the empty key works with every operation', async (cache) => {
    await cache.put('', 1);
    assert.equal(await cache.get(''), 1);
    assert.equal(await cache.increment(''), 2);
    assert.equal(await cache.touch('', Infinity), true);
    assert.equal(await cache.ttl(''), Infinity);
    assert.equal(await cache.pull(''), 2);
    assert.equal(await cache.add('', 'added'), true);
    assert.equal(await cache.forget(''), true);
    assert.equal(await cache.remember('', () => 'remembered'), 'remembered');
    await cache.tags(['t']).put('', 'tagged');
    await cache.tags(['t']).flush();
    assert.equal(await cache.has(''), false);
    const lock = await cache.lock('');
    assert.equal(lock.acquired, true);
    assert.equal(await lock.release(), true);
  });

  check('a key may have 1 MiB of UTF-8 and no byte more', async (cache) => {
    const fits = ['a'.repeat(MEBIBYTE), 'é'.repeat(MEBIBYTE / 2), '😀'.repeat(MEBIBYTE / 4)];
    for (const [i, key] of fits.entries()) {
      await cache.put(key, i);
      assert.equal(await cache.get(key), i);
    }
    const bad = [`${'a'.repeat(MEBIBYTE)}b`, `${'é'.repeat(MEBIBYTE / 2)}b`, '漢'.repeat(MEBIBYTE / 2)];
    for (const key of bad) {
      await rejects(() => cache.put(key, 'x'), 'CACHE_INVALID_KEY', /1 MiB|1048576|1,048,576/);
      await rejects(() => cache.get(key), 'CACHE_INVALID_KEY');
    }
    for (const [i, key] of fits.entries()) assert.equal(await cache.get(key), i);
  });

  check('long keys that differ in their last character are different keys', async (cache) => {
    const stem = 'k'.repeat(5000);
    await cache.put(`${stem}1`, 1);
    await cache.put(`${stem}2`, 2);
    assert.equal(await cache.get(`${stem}1`), 1);
    assert.equal(await cache.get(`${stem}2`), 2);
    assert.equal(await cache.get(stem), null);
  });

  check('no key of a user reaches what the cache keeps for itself', async (cache) => {
    await cache.tags(['x']).put('tagged', 'v');
    const lock = await cache.lock('x', '1h');
    const keys = ['x', 'lock:x', 'lock', 'tag:x', 'tags:x', 'tag', '\0lock\0x', '\0tag\0x', '\0x', 'x\0'];
    for (const key of keys) await cache.put(key, 'mine');
    assert.equal(await cache.get('tagged'), 'v');
    assert.equal((await cache.lock('x', { maxRetries: 0 })).acquired, false);
    for (const key of keys) assert.equal(await cache.forget(key), true);
    assert.equal((await cache.lock('x', { maxRetries: 0 })).acquired, false);
    await cache.tags(['x']).flush();
    assert.equal(await cache.get('tagged'), null);
    assert.equal(await lock.release(), true);
  });
}

module.exports = { title: 'keys', suite };
