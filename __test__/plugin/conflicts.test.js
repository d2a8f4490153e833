'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const fastifyPlugin = require('fastify-plugin');

const { cachePlugin } = require('../../index.js');
const { createApp } = require('./fastify.js');

/** Decorates `cache`, as @fastify/caching does. */
const caching = fastifyPlugin(
  async (instance) => {
    instance.decorate('cache', { get() {}, set() {} });
  },
  { name: 'decorates-cache' },
);

test('a second registration without a namespace is a CACHE_PLUGIN error that names namespace', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  const first = app.cache;
  await assert.rejects(async () => app.register(cachePlugin), {
    code: 'CACHE_PLUGIN',
    message: /already registered.*`namespace`.*`decorator`/s,
  });
  assert.equal(app.cache, first);
  await first.put('key', 1);
  assert.equal(await first.get('key'), 1);
});

test('a second registration in a child scope is the same error', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  await assert.rejects(
    async () =>
      app.register(async (child) => {
        await child.register(cachePlugin());
      }),
    { code: 'CACHE_PLUGIN' },
  );
});

test('a decorator that another plugin took is a CACHE_PLUGIN error that names namespace and decorator', async (t) => {
  for (const options of [{}, { namespace: 'pages' }]) {
    const app = createApp(t);
    await app.register(caching);
    const theirs = app.cache;
    await assert.rejects(
      async () => app.register(cachePlugin, options),
      (error) => {
        assert.equal(error.code, 'CACHE_PLUGIN');
        assert.match(error.message, /`cache` is taken/);
        assert.match(error.message, /decorator/);
        assert.match(error.message, /namespace/);
        return true;
      },
    );
    assert.equal(app.cache, theirs);
  }
});

test('a decorator that only requests have taken is the same error', async (t) => {
  const app = createApp(t);
  app.decorateRequest('cache', null);
  await assert.rejects(async () => app.register(cachePlugin), {
    code: 'CACHE_PLUGIN',
    message: /taken/,
  });
});

test('a member of Fastify cannot be the decorator', async (t) => {
  for (const decorator of ['register', 'log', 'body']) {
    const app = createApp(t);
    await assert.rejects(async () => app.register(cachePlugin, { decorator }), {
      code: 'CACHE_PLUGIN',
    });
  }
});

test('beside a plugin that took cache, another decorator works', async (t) => {
  const app = createApp(t);
  await app.register(caching);
  await app.register(cachePlugin, { decorator: 'appCache' });
  app.get('/', async (request) => request.appCache === app.appCache);
  await app.appCache.put('key', 1);
  assert.equal(await app.appCache.get('key'), 1);
  assert.equal((await app.inject('/')).body, 'true');
});

test('two registrations that overlap leave one cache and one CACHE_PLUGIN error', async (t) => {
  const app = createApp(t);
  const results = await Promise.allSettled([
    cachePlugin().register(app, { ready: true }),
    cachePlugin().register(app, { ready: true }),
  ]);
  assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  assert.equal(results.find(({ status }) => status === 'rejected').reason.code, 'CACHE_PLUGIN');
  await app.cache.put('key', 1);
  assert.equal(await app.cache.get('key'), 1);
});
