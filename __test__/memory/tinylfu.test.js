'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache } = require('../../index.js');
const { record } = require('../support/events.js');
const { turns } = require('../support/deferred.js');
require('../support/alive.js');

async function held(cache) {
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  return keys.length;
}

/** A cache of ten that are asked for often. */
async function full(t) {
  const cache = new Cache({ config: { policy: 'tinylfu', maxSize: 10 } });
  t.after(() => cache.close());
  for (let at = 0; at < 10; at += 1) await cache.put(`hot:${at}`, 'x');
  for (let at = 0; at < 150; at += 1) await cache.get(`hot:${at % 10}`);
  return cache;
}

test('what was just put can be read, though others are asked for more often, until the next is put', async (t) => {
  const cache = await full(t);
  const seen = record(cache, 'evict');
  await cache.put('new', 'value');
  assert.equal(await cache.get('new'), 'value');
  assert.equal((await cache.stats()).entries, 10);
  await cache.put('newer', 'value');
  assert.equal(await cache.get('new'), null);
  assert.equal(await cache.get('newer'), 'value');
  await turns();
  assert.deepEqual(seen.at(-1), { event: 'evict', key: 'new', reason: 'size' });
  let kept = 0;
  for (let at = 0; at < 10; at += 1) if ((await cache.get(`hot:${at}`)) === 'x') kept += 1;
  assert.equal(
    kept,
    9,
    'those that are asked for often are kept, but for the one whose room the new ones have',
  );
});

test('what is asked for again and again is let in, though it was not there', async (t) => {
  const cache = await full(t);
  for (let at = 0; at < 40; at += 1) {
    if ((await cache.get('wanted')) === null) await cache.put('wanted', 'value');
    await cache.put(`once:${at}`, 'x');
  }
  assert.equal(await cache.get('wanted'), 'value');
});

test('another value of a key that is held is let in', async (t) => {
  const cache = await full(t);
  await cache.put('new', 1);
  for (let at = 0; at < 20; at += 1) {
    await cache.put('new', at);
    await cache.put('hot:5', at);
    assert.deepEqual([await cache.get('new'), await cache.get('hot:5')], [at, at]);
  }
});

test('a bound on entries holds after every write', async (t) => {
  const cache = new Cache({ config: { policy: 'tinylfu', maxSize: 10 } });
  t.after(() => cache.close());
  for (let at = 0; at < 1000; at += 1) {
    await cache.put(`key:${at}`, at);
    assert.equal(await held(cache), Math.min(at + 1, 10));
  }
  assert.equal((await cache.stats()).entries, 10);
});

test('a bound on bytes holds after every write', async (t) => {
  const cache = new Cache({ config: { policy: 'tinylfu', maxSizeBytes: 1024 * 1024 } });
  t.after(() => cache.close());
  for (let at = 0; at < 60; at += 1) {
    await cache.put(`key:${at}`, 'x'.repeat(100 * 1024));
    assert.ok((await cache.stats()).bytes <= 1024 * 1024);
  }
  assert.equal(await held(cache), 10);
});
