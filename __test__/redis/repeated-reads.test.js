'use strict';

// What was read lately is copied instead of parsed again: nobody may notice, but by the time it takes.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { openFor } = require('../support/open.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

const options = () => ({ driver: 'redis', failOpen: false, config: { url: server.url } });
/** Long enough to be kept once it was read twice. */
const made = (name) => ({
  name,
  list: [{ deep: [1, 2, { end: true }] }, null, 'text'],
  more: { a: 1, b: 'x'.repeat(40) },
});

test('a value that is read again and again is each reader’s own', async (t) => {
  const cache = openFor(t, options());
  await cache.put('key', made('first'));
  for (let reads = 0; reads < 5; reads += 1) {
    const value = await cache.get('key');
    assert.deepEqual(value, made('first'));
    value.list[0].deep[2].end = false;
    value.list.push('mine');
    delete value.more;
    const { key } = Object.fromEntries(await cache.many(['key']));
    assert.deepEqual(key, made('first'));
    key.more.a = 2;
    const remembered = await cache.remember('key', () => assert.fail('there is a value'));
    assert.deepEqual(remembered, made('first'));
    remembered.list[0].deep.length = 0;
  }
});

test('a newer value of the same key is read at once, by whomever it was written', async (t) => {
  const cache = openFor(t, options());
  for (let version = 0; version < 4; version += 1) {
    await cache.put('key', made(`version ${version}`));
    for (let reads = 0; reads < 4; reads += 1) {
      assert.equal((await cache.get('key')).name, `version ${version}`);
      assert.equal((await cache.remember('key', made)).name, `version ${version}`);
    }
  }
  await server.cli('SET', 'cache:key', JSON.stringify(made('by hand')));
  assert.equal((await cache.get('key')).name, 'by hand');
  await server.cli('DEL', 'cache:key');
  assert.equal(await cache.get('key'), null);
});

test('a property named __proto__ stays a property', async (t) => {
  const cache = openFor(t, options());
  const text = `{"__proto__":{"polluted":true},"fill":"${'x'.repeat(60)}"}`;
  await server.cli('SET', 'cache:key', text);
  for (let reads = 0; reads < 4; reads += 1) {
    const value = await cache.get('key');
    assert.deepEqual(Object.keys(value), ['__proto__', 'fill']);
    assert.equal(value.polluted, undefined);
    assert.equal({}.polluted, undefined);
  }
});

test('text that is no JSON is a miss each time, with an error event', async (t) => {
  const cache = openFor(t, options());
  const errors = [];
  cache.on('error', ({ error }) => errors.push(error.code));
  await server.cli('SET', 'cache:key', `not JSON ${'x'.repeat(60)}`);
  for (let reads = 0; reads < 4; reads += 1) assert.equal(await cache.get('key'), null);
  assert.deepEqual(errors, Array(4).fill('CACHE_CORRUPT'));
});

test('many values that are read again are still themselves', async (t) => {
  const cache = openFor(t, options());
  const keys = Array.from({ length: 3000 }, (_, at) => `key ${at}`);
  await cache.putMany(keys.map((key) => [key, made(key)]));
  for (let rounds = 0; rounds < 4; rounds += 1) {
    for (const [key, value] of await cache.many(keys)) assert.equal(value.name, key);
    await Promise.all(keys.map(async (key) => assert.equal((await cache.get(key)).name, key)));
  }
});

test('a server that does not know SET … NX GET (before 7.0) serves remember all the same', async (t) => {
  const proxy = await startProxy(t, server);
  // Within scripts SET works: this refuses the command alone.
  proxy.fail('SET', 'ERR syntax error');
  const cache = openFor(t, { ...options(), config: { url: proxy.url } });
  const run = (value) => cache.remember('remembered', '1m', () => value);
  assert.equal(await run(1), 1);
  assert.equal(await run(2), 1);
  assert.equal(await cache.forget('remembered'), true);
  assert.equal(await run(3), 3);
  assert.equal(await cache.get('remembered'), 3);
});
