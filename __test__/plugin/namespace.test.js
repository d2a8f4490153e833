'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache, cachePlugin, getCacheFromInstance } = require('../../index.js');
const { createApp } = require('./fastify.js');

test('namespaced caches without a default one are the properties of fastify.cache', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { namespace: 'pages' });
  await app.register(cachePlugin, { namespace: 'sessions' });
  assert.deepEqual(Object.keys(app.cache), ['pages', 'sessions']);
  assert.ok(app.cache.pages instanceof Cache);
  assert.notEqual(app.cache.pages, app.cache.sessions);
  await app.cache.pages.put('key', 1);
  assert.equal(await app.cache.sessions.get('key'), null);
});

test('a default cache and namespaced ones register in either order', async (t) => {
  for (const order of [
    [undefined, 'pages', 'sessions'],
    ['pages', undefined, 'sessions'],
    ['pages', 'sessions', undefined],
  ]) {
    const app = createApp(t);
    for (const namespace of order) {
      await app.register(cachePlugin, namespace === undefined ? {} : { namespace });
    }
    assert.ok(app.cache instanceof Cache);
    await app.cache.put('key', 'default');
    await app.cache.pages.put('key', 'pages');
    await app.cache.sessions.put('key', 'sessions');
    assert.equal(await app.cache.get('key'), 'default');
    assert.equal(await app.cache.pages.get('key'), 'pages');
    assert.equal(await app.cache.sessions.get('key'), 'sessions');
    assert.equal(getCacheFromInstance(app), app.cache);
    assert.equal(getCacheFromInstance(app, 'pages'), app.cache.pages);
  }
});

test('request.cache has the namespaced caches, also those registered after the routes', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { namespace: 'pages' });
  app.get('/', async (request) => ({
    pages: request.cache.pages === app.cache.pages,
    same: request.cache === app.cache,
  }));
  await app.register(cachePlugin);
  assert.deepEqual((await app.inject('/')).json(), { pages: true, same: true });
});

test('a namespace of a child scope joins the default cache of the parent', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  let seen;
  await app.register(async (child) => {
    await child.register(cachePlugin, { namespace: 'pages' });
    seen = child.cache.pages;
  });
  assert.ok(seen instanceof Cache);
  assert.equal(app.cache.pages, seen);
  assert.equal(getCacheFromInstance(app, 'pages'), seen);
});

test('a default cache of a child scope has the namespaces of the parent and leaves the parent alone', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { namespace: 'pages' });
  let child;
  await app.register(async (instance) => {
    await instance.register(cachePlugin);
    await instance.register(cachePlugin, { namespace: 'own' });
    child = instance;
  });
  assert.ok(child.cache instanceof Cache);
  assert.equal(child.cache.pages, app.cache.pages);
  assert.ok(child.cache.own instanceof Cache);
  assert.deepEqual(Object.keys(app.cache), ['pages']);
  assert.equal(getCacheFromInstance(child, 'pages'), app.cache.pages);
  assert.throws(() => getCacheFromInstance(app, 'own'), { code: 'CACHE_PLUGIN' });
});

test('a namespace that is registered already is a CACHE_PLUGIN error that names it', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { namespace: 'pages' });
  const first = app.cache.pages;
  await assert.rejects(async () => app.register(cachePlugin, { namespace: 'pages' }), {
    code: 'CACHE_PLUGIN',
    message: /`pages`.*already registered.*namespace/s,
  });
  assert.equal(app.cache.pages, first);
  assert.equal(first.closed, false);
});

test('a namespace that is a member of the cache is a CACHE_PLUGIN error', async (t) => {
  for (const namespace of ['get', 'tags', 'constructor', 'then', 'driver', '__proto__', 'closed']) {
    const app = createApp(t);
    await assert.rejects(async () => app.register(cachePlugin, { namespace }), {
      code: 'CACHE_PLUGIN',
      message: /member of the cache.*`namespace`/s,
    });
    assert.equal(app.hasDecorator('cache'), false);
  }
});

test('a namespace works under another decorator', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { decorator: 'store', namespace: 'pages' });
  assert.ok(app.store.pages instanceof Cache);
  assert.equal(app.hasDecorator('cache'), false);
  assert.equal(getCacheFromInstance(app, 'pages'), app.store.pages);
});

test('closing the app closes every cache', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  await app.register(cachePlugin, { namespace: 'pages' });
  const caches = [app.cache, app.cache.pages];
  await app.close();
  for (const cache of caches) assert.equal(cache.closed, true);
});
