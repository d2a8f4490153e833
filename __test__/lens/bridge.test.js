'use strict';

const assert = require('node:assert/strict');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const { cachePlugin, createMemoryCache } = require('../../index.js');
const { attachLens } = require('../../lib/lens.js');
const { createApp, createLog } = require('../plugin/fastify.js');

const FORWARDED = ['hit', 'stale', 'miss', 'write', 'delete', 'clear', 'invalidate'];

function createCache(t) {
  const cache = createMemoryCache();
  t.after(() => cache.close());
  return cache;
}

test('nothing listens to the cache while nobody listens to Lens', async (t) => {
  const { lensEmitter } = require('@lensjs/core');
  const cache = createCache(t);
  const detach = await attachLens(cache, true);
  t.after(detach);
  const counts = () => FORWARDED.map((event) => cache.listenerCount(event));
  assert.deepEqual(counts(), Array(FORWARDED.length).fill(0));

  const first = () => {};
  const second = () => {};
  lensEmitter.on('cache', first);
  lensEmitter.on('cache', second);
  assert.deepEqual(counts(), Array(FORWARDED.length).fill(1));
  lensEmitter.off('cache', first);
  assert.deepEqual(counts(), Array(FORWARDED.length).fill(1));
  lensEmitter.off('cache', second);
  assert.deepEqual(counts(), Array(FORWARDED.length).fill(0));
});

test('a listener of another Lens event starts nothing', async (t) => {
  const { lensEmitter } = require('@lensjs/core');
  const cache = createCache(t);
  t.after(await attachLens(cache, true));
  const listener = () => {};
  lensEmitter.on('mail', listener);
  assert.equal(cache.listenerCount('hit'), 0);
  lensEmitter.off('mail', listener);
});

test('many caches on one emitter make Node.js warn of nothing', async (t) => {
  const { lensEmitter } = require('@lensjs/core');
  const before = lensEmitter.emitter.listenerCount('newListener');
  for (let index = 0; index < 20; index += 1) {
    t.after(await attachLens(createCache(t), true));
  }
  assert.equal(lensEmitter.emitter.listenerCount('newListener'), before + 1);
});

test('after detaching nothing is left on the cache and on the emitter', async (t) => {
  const cache = createCache(t);
  const emitter = new EventEmitter();
  const seen = [];
  const detach = await attachLens(cache, { emitter });
  emitter.on('cache', (entry) => seen.push(entry));
  await cache.get('before');
  detach();
  detach();
  await cache.get('after');
  assert.deepEqual(
    seen.map(({ data }) => data.key),
    ['before'],
  );
  assert.deepEqual(emitter.eventNames(), ['cache']);
  assert.equal(cache.listenerCount('miss'), 0);
});

test('an emitter that cannot tell its listeners gets every event', async (t) => {
  const cache = createCache(t);
  const seen = [];
  t.after(await attachLens(cache, { emitter: { emit: (...given) => seen.push(given) } }));
  await cache.get('key');
  assert.equal(seen.length, 1);
  const [[name, entry]] = seen;
  assert.equal(name, 'cache');
  assert.deepEqual(Object.keys(entry), ['action', 'data', 'requestId', 'createdAt']);
  assert.equal(entry.requestId, undefined);
});

test('an emitter that says it has no listeners gets nothing', async (t) => {
  const cache = createCache(t);
  let listeners = 0;
  const seen = [];
  const emitter = { emit: (_name, entry) => seen.push(entry), listenerCount: () => listeners };
  t.after(await attachLens(cache, { emitter }));
  await cache.get('unseen');
  listeners = 1;
  await cache.get('seen');
  assert.deepEqual(
    seen.map(({ data }) => data.key),
    ['seen'],
  );
});

test('emitCacheEvent gets the action and the data, and nothing that it adds itself', async (t) => {
  const app = createApp(t);
  const seen = [];
  await app.register(cachePlugin, { lens: { emitCacheEvent: (event) => seen.push(event) } });
  await app.cache.put('key', { a: 1 });
  await app.cache.get('key');
  assert.deepEqual(seen, [
    { action: 'write', data: { key: 'key', value: { a: 1 } } },
    { action: 'hit', data: { key: 'key', value: { a: 1 } } },
  ]);
});

test('a flush of tags is shown as a clear that names them', async (t) => {
  const cache = createCache(t);
  const seen = [];
  t.after(await attachLens(cache, { emitCacheEvent: (event) => seen.push(event) }));
  await cache.tags(['users', 'active']).flush();
  assert.deepEqual(seen, [
    { action: 'clear', data: { key: 'tags: users, active', value: { tags: ['users', 'active'] } } },
  ]);
});

test('a very long key is cut', async (t) => {
  const cache = createCache(t);
  const seen = [];
  t.after(await attachLens(cache, { emitCacheEvent: (event) => seen.push(event) }));
  await cache.get('k'.repeat(100_000));
  assert.ok(seen[0].data.key.length < 600);
  assert.match(seen[0].data.key, /^k{512}… \(\+99488 characters\)$/);
});

test('what fails in Lens reaches neither the caller nor the process, and is logged', async (t) => {
  const warnings = [];
  const logger = { warn: (...given) => warnings.push(given), error() {} };
  for (const emitCacheEvent of [
    () => {
      throw new Error('Lens failed');
    },
    async () => {
      throw new Error('Lens failed');
    },
  ]) {
    const cache = createCache(t);
    const detach = await attachLens(cache, { emitCacheEvent }, { logger });
    assert.equal(await cache.get('key'), null);
    await new Promise(setImmediate);
    detach();
  }
  assert.equal(warnings.length, 2);
  for (const [details, message] of warnings) {
    assert.equal(details.failures, 1);
    assert.equal(details.err.message, 'Lens failed');
    assert.match(message, /Lens/);
  }
});

test('events above the rate are dropped, counted and logged to the logger of the app', async (t) => {
  const log = createLog();
  const app = createApp(t, log.options);
  const seen = [];
  const emitCacheEvent = (event) => seen.push(event);
  await app.register(cachePlugin, { lens: { emitCacheEvent, maxEventsPerSecond: 5 } });
  const frozen = performance.now();
  t.mock.method(performance, 'now', () => frozen);
  for (let index = 0; index < 50; index += 1) await app.cache.get(`key:${index}`);
  t.mock.restoreAll();
  assert.equal(seen.length, 5);
  await app.close();
  const line = await log.line((entry) => entry.dropped !== undefined);
  assert.equal(line.dropped, 45);
  assert.equal(line.maxEventsPerSecond, 5);
  assert.equal(line.cache, 'cache');
});

test('a malformed lens option rejects with CACHE_CONFIG', async (t) => {
  for (const lens of [
    'yes',
    1,
    {},
    { emitter: {} },
    { emitCacheEvent: true },
    { emitter: new EventEmitter(), context: {} },
    { emitCacheEvent() {}, maxEventsPerSecond: 0 },
    { emitCacheEvent() {}, maxEventsPerSecond: 'many' },
    { emitCacheEvent() {}, maxEventsPerSecond: Infinity },
  ]) {
    const app = createApp(t);
    await assert.rejects(async () => app.register(cachePlugin, { lens }), { code: 'CACHE_CONFIG' });
    assert.equal(app.hasDecorator('cache'), false);
  }
});

test('lens: false is the same as no lens', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { lens: false });
  assert.equal(app.cache.listenerCount('hit'), 0);
});

test('lens: true without @lensjs/core rejects with CACHE_CONFIG and says what to install', async (t) => {
  // The bridge in a folder from which the package cannot be resolved.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrocache-no-lens-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const source = path.join(__dirname, '..', '..', 'lib');
  for (const file of fs.readdirSync(source)) {
    if (file === 'errors.js' || file.startsWith('lens')) {
      fs.copyFileSync(path.join(source, file), path.join(folder, file));
    }
  }
  const bridge = require(path.join(folder, 'lens.js'));
  await assert.rejects(bridge.attachLens(createCache(t), true), {
    code: 'CACHE_CONFIG',
    message: /not installed.*npm install @lensjs\/core/s,
  });
});
