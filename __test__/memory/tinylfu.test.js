'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache } = require('../../index.js');
require('../support/alive.js');

async function held(cache) {
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  return keys.length;
}

test('a small value that was just put can be read until the bounds are enforced, though others are asked for more often', async (t) => {
  const cache = new Cache({ config: { policy: 'tinylfu', maxSize: 10 } });
  t.after(() => cache.close());
  for (let at = 0; at < 10; at += 1) await cache.put(`hot:${at}`, 'x');
  for (let at = 0; at < 150; at += 1) await cache.get(`hot:${at % 10}`);
  await cache.stats();
  await cache.put('new', 'value');
  assert.equal(await cache.get('new'), 'value');
  // Enforces them.
  assert.equal((await cache.stats()).entries, 10);
  assert.equal(await cache.get('new'), null);
  assert.equal(await cache.get('hot:0'), 'x');
});

test('small values pass a bound on entries by a batch of writes at most', async (t) => {
  const cache = new Cache({ config: { policy: 'tinylfu', maxSize: 10 } });
  t.after(() => cache.close());
  for (let at = 0; at < 1000; at += 1) await cache.put(`key:${at}`, at);
  assert.ok((await held(cache)) <= 10 + 64);
  assert.equal((await cache.stats()).entries, 10);
});

test('large values do not wait for a batch', async (t) => {
  const cache = new Cache({ config: { policy: 'tinylfu', maxSizeBytes: 1024 * 1024 } });
  t.after(() => cache.close());
  for (let at = 0; at < 60; at += 1) await cache.put(`key:${at}`, 'x'.repeat(100 * 1024));
  assert.ok((await held(cache)) <= 10);
});
