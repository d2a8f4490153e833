'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { cachePlugin, getCacheFromInstance } = require('../../index.js');
const { createApp } = require('./fastify.js');

const MANAGER = Symbol.for('@veloxts/cache:manager');

test('a child instance sees the cache of its parent', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  let seen;
  await app.register(async (child) => {
    await child.register(async (grandchild) => {
      seen = [child.cache, grandchild.cache, grandchild[MANAGER], getCacheFromInstance(grandchild)];
    });
  });
  for (const cache of seen) assert.equal(cache, app.cache);
});

test('a cache registered in a child scope is not seen by the parent and the siblings', async (t) => {
  const app = createApp(t);
  const caches = [];
  for (const path of ['/a', '/b']) {
    await app.register(async (child) => {
      await child.register(cachePlugin);
      caches.push(child.cache);
      child.get(path, async (request) => request.cache === child.cache);
    });
  }
  assert.notEqual(caches[0], caches[1]);
  assert.equal(app.hasDecorator('cache'), false);
  assert.equal(app[MANAGER], undefined);
  assert.throws(() => getCacheFromInstance(app), { code: 'CACHE_PLUGIN' });
  for (const url of ['/a', '/b']) {
    assert.equal((await app.inject(url)).body, 'true');
  }
});

test('request.cache is the cache of the app, in every scope', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  app.get('/root', async (request) => request.cache === app.cache);
  await app.register(async (child) => {
    child.get('/child', async (request) => request.cache === app.cache);
  });
  assert.equal((await app.inject('/root')).body, 'true');
  assert.equal((await app.inject('/child')).body, 'true');
});

test('hooks and the handlers of missing routes see request.cache', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  const seen = [];
  app.addHook('onRequest', async (request) => {
    seen.push(request.cache === app.cache);
  });
  app.setNotFoundHandler(async (request, reply) => {
    seen.push(request.cache === app.cache);
    return reply.code(404).send('none');
  });
  assert.equal((await app.inject('/missing')).statusCode, 404);
  assert.deepEqual(seen, [true, true]);
});

test('two apps in one process have nothing in common', async (t) => {
  const first = createApp(t);
  const second = createApp(t);
  await first.register(cachePlugin);
  await second.register(cachePlugin);
  await first.cache.put('key', 1);
  assert.equal(await second.cache.get('key'), null);
});

test('getCacheFromInstance throws CACHE_PLUGIN where there is no cache', (t) => {
  const app = createApp(t);
  for (const instance of [app, {}, null, undefined, 'app']) {
    assert.throws(() => getCacheFromInstance(instance), { code: 'CACHE_PLUGIN' });
    assert.throws(() => getCacheFromInstance(instance, 'pages'), { code: 'CACHE_PLUGIN' });
  }
});

test('with two decorators the manager is the one called cache, in either order', async (t) => {
  for (const decorators of [
    ['pages', 'cache'],
    ['cache', 'pages'],
  ]) {
    const app = createApp(t);
    for (const decorator of decorators) await app.register(cachePlugin, { decorator });
    assert.notEqual(app.pages, app.cache);
    assert.equal(app[MANAGER], app.cache);
    assert.equal(getCacheFromInstance(app), app.cache);
  }
});
