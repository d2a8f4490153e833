'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, test } = require('node:test');

const { cachePlugin } = require('../../index.js');
const { createApp } = require('../plugin/fastify.js');
const { runInLensContext, startLens } = require('./lens.js');

let lens;

before(async () => {
  lens = await startLens(require('@lensjs/core'));
});
beforeEach(() => lens.truncate());
after(() => lens.stop());

async function createLensApp(t) {
  const app = createApp(t);
  runInLensContext(app, lens.lensContext);
  await app.register(cachePlugin, { lens: true });
  return app;
}

test('what a request does with the cache is read back from the store of Lens with its id', async (t) => {
  const app = await createLensApp(t);
  app.get('/user', async (request) => {
    await request.cache.get('user:1');
    await request.cache.put('user:1', { name: 'John' });
    const user = await request.cache.get('user:1');
    await request.cache.forget('user:1');
    await request.cache.flush();
    return user;
  });
  await app.inject({ url: '/user', headers: { 'x-id': 'request-1' } });
  const entries = await lens.entriesOf('request-1');
  assert.deepEqual(
    entries.map(({ data }) => [data.action, data.data.key]),
    [
      ['miss', 'user:1'],
      ['write', 'user:1'],
      ['hit', 'user:1'],
      ['delete', 'user:1'],
      ['clear', ''],
    ],
  );
  assert.deepEqual(entries[1].data.data.value, { name: 'John' });
  assert.deepEqual(entries[2].data.data.value, { name: 'John' });
  for (const { data } of entries) {
    assert.equal(data.requestId, 'request-1');
    assert.ok(Math.abs(Date.now() - Date.parse(data.createdAt)) < 60_000);
  }
});

test('concurrent requests are not mixed up', async (t) => {
  const app = await createLensApp(t);
  app.get('/:key', async (request) => {
    const { key } = request.params;
    return request.cache.remember(key, '1h', async () => {
      await new Promise(setImmediate);
      return { key };
    });
  });
  const ids = Array.from({ length: 20 }, (_, index) => `id-${index}`);
  await Promise.all(ids.map((id) => app.inject({ url: `/${id}`, headers: { 'x-id': id } })));
  for (const id of ids) {
    const entries = await lens.entriesOf(id);
    assert.deepEqual(
      entries.map(({ data }) => [data.action, data.data.key]),
      [
        ['miss', id],
        ['write', id],
      ],
    );
  }
});

test('an event outside of any request is stored without an id', async (t) => {
  const app = await createLensApp(t);
  await app.cache.get('outside');
  const [entry] = await lens.entries();
  assert.equal(entry.data.data.key, 'outside');
  assert.equal(entry.lens_entry_id, null);
});

test('values that JSON cannot hold, that are falsy or scalar all arrive in the store', async (t) => {
  const app = await createLensApp(t);
  const circular = { name: 'loop' };
  circular.self = circular;
  const values = {
    bigint: [{ big: 12n }, { big: '12n' }],
    circular: [circular, { name: 'loop', self: '[circular]' }],
    map: [new Map([['a', 1]]), { type: 'Map', size: 1, entries: [['a', 1]] }],
    set: [new Set([1, 2]), { type: 'Set', size: 2, values: [1, 2] }],
    buffer: [Buffer.from('bytes'), { type: 'Buffer', bytes: 5, text: 'bytes' }],
    zero: [0, { value: 0 }],
    no: [false, { value: false }],
    empty: ['', { value: '' }],
    nil: [null, { value: null }],
    missing: [undefined, { value: '[undefined]' }],
    nan: [NaN, { value: '[NaN]' }],
    number: [42, { value: 42 }],
    text: ['text', { value: 'text' }],
    list: [
      [1, [2]],
      [1, [2]],
    ],
  };
  for (const [key, [value]] of Object.entries(values)) await app.cache.put(key, value);
  const entries = await lens.entries();
  assert.deepEqual(
    Object.fromEntries(entries.map(({ data }) => [data.data.key, data.data.value])),
    Object.fromEntries(Object.entries(values).map(([key, [, shown]]) => [key, shown])),
  );
});

test('the store shows the value as it was when the event happened', async (t) => {
  const app = await createLensApp(t);
  const value = { state: 'written' };
  await app.cache.put('key', value);
  value.state = 'changed';
  const [entry] = await lens.entries();
  assert.deepEqual(entry.data.data.value, { state: 'written' });
});

test('an event is stored once, also with several caches and both copies of Lens loaded', async (t) => {
  const app = await createLensApp(t);
  await app.register(cachePlugin, { namespace: 'pages', lens: true });
  await import('@lensjs/core');
  await app.cache.pages.get('once');
  const entries = await lens.entries();
  assert.deepEqual(
    entries.map(({ data }) => [data.action, data.data.key]),
    [['miss', 'once']],
  );
});

test('after the app is closed its cache is not connected to Lens any more', async (t) => {
  const app = await createLensApp(t);
  const { cache } = app;
  assert.equal(cache.listenerCount('hit'), 1);
  await app.close();
  assert.equal(cache.listenerCount('hit'), 0);
});
