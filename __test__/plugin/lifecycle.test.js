'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache, cachePlugin } = require('../../index.js');
const { createApp, createLog } = require('./fastify.js');

test('closing the app closes the cache', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  const { cache } = app;
  await app.close();
  assert.equal(cache.closed, true);
  await assert.rejects(cache.get('key'), { code: 'CACHE_CLOSED' });
});

test('the onClose hooks of plugins registered later can still use the cache', async (t) => {
  const app = createApp(t);
  let closedThen;
  await app.register(cachePlugin);
  await app.register(async (child) => {
    child.addHook('onClose', async (instance) => {
      closedThen = instance.cache.closed;
      await instance.cache.put('last', 1);
    });
  });
  await app.close();
  assert.equal(closedThen, false);
});

test('errors without a listener go to a child of the logger of the app', async (t) => {
  const log = createLog();
  const app = createApp(t, log.options);
  await app.register(cachePlugin);
  app.cache.on('miss', () => {
    throw new Error('a listener failed');
  });
  await app.cache.get('absent');
  const line = await log.line((entry) => JSON.stringify(entry).includes('a listener failed'));
  assert.equal(line.cache, 'cache');
  assert.ok(line.level >= 40);
});

test('the child logger carries the namespace, or the name of the store', async (t) => {
  const log = createLog();
  const app = createApp(t, log.options);
  await app.register(cachePlugin, { namespace: 'pages' });
  await app.register(cachePlugin, { name: 'lifecycle-store' });
  for (const cache of [app.cache, app.cache.pages]) {
    cache.on('miss', () => {
      throw new Error('a listener failed');
    });
    await cache.get('absent');
  }
  await log.line((entry) => entry.cache === 'pages');
  await log.line((entry) => entry.cache === 'lifecycle-store');
});

test('a logger of the options is used instead', async (t) => {
  const log = createLog();
  const app = createApp(t, log.options);
  let seen;
  const logged = new Promise((resolve) => {
    seen = (...given) => resolve(given);
  });
  const logger = { warn: seen, error: seen };
  await app.register(cachePlugin, { logger });
  app.cache.on('miss', () => {
    throw new Error('a listener failed');
  });
  await app.cache.get('absent');
  assert.equal((await logged).length, 2);
  assert.equal(
    log.lines.some((entry) => JSON.stringify(entry).includes('a listener failed')),
    false,
  );
});

test('an app without a logger works', async (t) => {
  const app = createApp(t, { logger: false });
  await app.register(cachePlugin);
  app.cache.on('miss', () => {
    throw new Error('a listener failed');
  });
  assert.equal(await app.cache.get('absent'), null);
});

test('ready: true waits until the driver is ready', async (t) => {
  const app = createApp(t);
  let release;
  let asked;
  const askedFor = new Promise((resolve) => {
    asked = resolve;
  });
  t.mock.method(Cache.prototype, 'ready', () => {
    asked();
    return new Promise((resolve) => {
      release = resolve;
    });
  });
  let registered = false;
  const registering = app.register(cachePlugin, { ready: true }).then(() => {
    registered = true;
  });
  await askedFor;
  assert.equal(registered, false);
  assert.equal(app.hasDecorator('cache'), false);
  release();
  await registering;
  assert.ok(app.cache instanceof Cache);
});

test('without ready nothing is waited for', async (t) => {
  const app = createApp(t);
  const ready = t.mock.method(Cache.prototype, 'ready');
  await app.register(cachePlugin);
  assert.equal(ready.mock.callCount(), 0);
});

test('a driver that does not get ready rejects with CACHE_TIMEOUT before pluginTimeout, and is closed', async (t) => {
  const app = createApp(t, { pluginTimeout: 1_000 });
  t.mock.method(Cache.prototype, 'ready', () => new Promise(() => {}));
  const close = t.mock.method(Cache.prototype, 'close');
  await assert.rejects(async () => app.register(cachePlugin, { ready: true }), {
    code: 'CACHE_TIMEOUT',
    message: /not ready within 0\.8 s/,
  });
  assert.equal(close.mock.callCount(), 1);
  assert.equal(app.hasDecorator('cache'), false);
});

test('a driver that fails to get ready rejects with its error, and is closed', async (t) => {
  const app = createApp(t);
  const failure = new Error('refused');
  t.mock.method(Cache.prototype, 'ready', () => Promise.reject(failure));
  const close = t.mock.method(Cache.prototype, 'close');
  await assert.rejects(
    async () => app.register(cachePlugin, { ready: true }),
    (error) => {
      assert.equal(error, failure);
      return true;
    },
  );
  assert.equal(close.mock.callCount(), 1);
});

test('a registration that Fastify refuses closes the cache', async (t) => {
  const app = createApp(t);
  await app.ready();
  const close = t.mock.method(Cache.prototype, 'close');
  await assert.rejects(cachePlugin().register(app));
  assert.equal(close.mock.callCount(), 1);
  assert.equal(app.hasDecorator('cache'), false);
});
