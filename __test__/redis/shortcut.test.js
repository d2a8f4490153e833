'use strict';

// Requests that the thread which asks sends by itself: they keep their place, and their time.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const fc = require('fast-check');

const { Cache } = require('../../index.js');
const { fuzz } = require('../support/fuzz.js');
const { until } = require('../support/wait.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

/** @type {import('./support/server.js').Server} */
let server;
before(async () => {
  server = await startServer();
});
after(() => server.stop());

let caches = 0;

function open(t, config) {
  // A connection of its own.
  caches += 1;
  const more = { maxQueue: 100_000 + caches, ...config };
  const cache = new Cache({ driver: 'redis', failOpen: false, config: { url: server.url, ...more } });
  t.after(() => cache.close());
  return cache;
}

/** What a key holds after an operation, and what the operation answers. */
const OPERATIONS = {
  get: (cache, key, held) => [cache.get(key), held, held],
  put: (cache, key, _, value) => [cache.put(key, value), value, undefined],
  tagged: (cache, key, _, value) => [cache.tags([`tag ${value}`]).put(key, value), value, undefined],
  long: (cache, key) => [cache.put(key, 'x'.repeat(5000)), 'x'.repeat(5000), undefined],
  forget: (cache, key, held) => [cache.forget(key), null, held !== null],
  has: (cache, key, held) => [cache.has(key), held, held !== null],
  pull: (cache, key, held) => [cache.pull(key), null, held],
  many: (cache, key, held) => [cache.many([key]).then((found) => found.get(key)), held, held],
  add: (cache, key, held, value) => [cache.add(key, value), held ?? value, held === null],
  remember: (cache, key, held, value) => [cache.remember(key, () => value), held ?? value, held ?? value],
};

test('what a thread asks of a key takes effect in the order in which it asks, whoever sends it', async (t) => {
  const cache = open(t);
  await cache.ready();
  const step = fc.record({
    operation: fc.constantFrom('get', 'get', 'get', 'put', 'put', 'remember', ...Object.keys(OPERATIONS)),
    // What is no ASCII crosses with other lengths than it is sent with.
    key: fc.constantFrom('a', 'b', 'clé', '😀'),
    text: fc.constantFrom('', 'naïve', '漢😀'),
    pause: fc.constantFrom('none', 'none', 'microtask', 'turn', 'answer'),
  });
  let value = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 120 }), async (steps) => {
    const held = { a: null, b: null, clé: null, '😀': null };
    await cache.flush();
    const answers = [];
    for (const { operation, key, text, pause } of steps) {
      value += 1;
      const made = text === '' ? value : `${text} ${value}`;
      const [answer, holds, expected] = OPERATIONS[operation](cache, key, held[key], made);
      held[key] = holds;
      answers.push(answer.then((got) => assert.deepEqual(got, expected, `${operation} ${key}`)));
      if (pause === 'microtask') await undefined;
      if (pause === 'turn') await turn();
      // What a factory makes is stored when it has run: what is asked before that finds nothing.
      if (pause === 'answer' || operation === 'remember') await answer;
    }
    await Promise.all(answers);
  });
  await fuzz(property, { numRuns: 100 });
});

test('what a socket has no room for is sent when it has', async (t) => {
  const cache = open(t, { commandTimeout: '30s' });
  await cache.put('first', 1);
  server.pause();
  const value = (at) => ({ at, text: 'x'.repeat(3900) });
  const puts = [];
  // Forty megabytes: more than sockets hold.
  for (let at = 0; at < 10_000; at += 1) {
    puts.push(cache.put(`key ${at % 5000}`, value(at)));
    if (at % 100 === 99) await turn();
  }
  server.resume();
  await Promise.all(puts);
  for (let at = 5000; at < 10_000; at += 500) {
    assert.deepEqual(await cache.get(`key ${at % 5000}`), value(at));
  }
  assert.equal((await cache.stats()).connection.pending, 0);
});

test('a request that nothing comes before has its deadline', async (t) => {
  const cache = open(t, { commandTimeout: '200ms', connectTimeout: '60s' });
  for (let pass = 0; pass < 3; pass += 1) {
    await until('it answers', () => cache.get('key').then(() => true), { every: 20 });
    // The timer of what came before ends in the meantime.
    const idle = performance.now();
    await until('nothing was asked for a while', () => performance.now() - idle > 500, { every: 50 });
    // What waits for longer says nothing of it.
    if (pass === 1) await cache.ready();
    server.pause();
    const started = performance.now();
    await assert.rejects(cache.get('key'), { code: 'CACHE_TIMEOUT' });
    const took = performance.now() - started;
    assert.ok(took < 5000, `${took} ms`);
    server.resume();
  }
});

test('requests that are on their way when their connection ends are answered', async (t) => {
  const cache = open(t);
  for (let pass = 0; pass < 10; pass += 1) {
    await until('it answers', () => cache.put('key', pass).then(() => true), { every: 1 });
    server.pause();
    const reads = Array.from({ length: 50 }, () => cache.get('key'));
    await turn();
    const more = Array.from({ length: 50 }, () => cache.get('key'));
    await turn();
    server.resume();
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
    const all = await Promise.allSettled([...reads, ...more]);
    const wrong = all.filter(({ status, value, reason }) =>
      status === 'fulfilled' ? value !== pass : reason.code !== 'CACHE_UNAVAILABLE',
    );
    assert.deepEqual(wrong, []);
  }
  assert.equal((await cache.stats()).connection.pending, 0);
});

test('a server that has lost its scripts carries out what comes before a lease before it', async (t) => {
  const cache = open(t);
  await cache.forget('none');
  for (let pass = 0; pass < 20; pass += 1) {
    await cache.put('key', 'old');
    await server.cli('SCRIPT', 'FLUSH');
    const [, value] = await Promise.all([cache.forget('key'), cache.remember('key', () => 'new')]);
    assert.equal(value, 'new', `pass ${pass}`);
  }
});
