'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const ferrocache = require('../../index.js');
const { createVeloxApp } = require('./app.js');

const { Cache, cachePlugin, getCacheFromInstance } = ferrocache;

const FORMS = {
  'app.register(cachePlugin(options))': (app) =>
    app.register(cachePlugin({ driver: 'memory', config: { maxSize: 1000 } })),
  'app.register(cachePlugin, options)': (app) =>
    app.register(cachePlugin, { driver: 'memory', config: { maxSize: 1000 } }),
  'app.register(cachePlugin)': (app) => app.register(cachePlugin),
  'app.register({ name, version, register })': (app) => {
    const { name, version, register } = cachePlugin({ driver: 'memory' });
    return app.register({ name, version, register });
  },
  'app.use(cachePlugin(options))': (app) =>
    app.use(cachePlugin({ driver: 'memory', config: { maxSize: 1000 } })),
  'app.use(cachePlugin(), options)': (app) => app.use(cachePlugin(), { driver: 'memory' }),
};

for (const [form, register] of Object.entries(FORMS)) {
  test(`after ${form} a procedure uses ctx.cache`, async (t) => {
    const app = createVeloxApp(t);
    await register(app);
    let runs = 0;
    app.procedure('/user', async ({ ctx }) =>
      ctx.cache.remember('user:123', '1h', async () => ({ name: 'John', run: (runs += 1) })),
    );
    assert.deepEqual((await app.server.inject('/user')).json(), { name: 'John', run: 1 });
    assert.deepEqual((await app.server.inject('/user')).json(), { name: 'John', run: 1 });
    assert.ok(getCacheFromInstance(app.server) instanceof Cache);
    const { cache } = app.server;
    await app.server.close();
    assert.equal(cache.closed, true);
  });
}

test('a preset that imports the package by name and calls its export with a config works', async (t) => {
  const app = createVeloxApp(t);
  const module = await import('../../index.js');
  await app.register(module.cachePlugin({ driver: 'memory', config: { maxSize: 1000 } }));
  assert.ok(app.server.cache instanceof Cache);
});

test('the whole guide runs in a procedure', async (t) => {
  const app = createVeloxApp(t);
  await app.register(cachePlugin());
  app.procedure('/', async ({ ctx }) => {
    await ctx.cache.put('user:123', { name: 'John' }, '30m');
    const user = await ctx.cache.get('user:123');
    const has = await ctx.cache.has('user:123');
    const forgotten = await ctx.cache.forget('user:123');
    for (const ttl of ['30s', '5m', '1h', '1d', '1w', 3600]) await ctx.cache.put('key', 1, ttl);
    await ctx.cache.tags(['users', 'active']).put('user:456', { name: 'Jane' });
    await ctx.cache.tags(['users']).flush();
    const flushed = await ctx.cache.get('user:456');
    const ran = await ctx.cache.lockAndRun('payment:process', '30s', async () => 'paid');
    const views = await ctx.cache.increment('views:post:123');
    const stock = await ctx.cache.decrement('stock:item:456');
    return { user, has, forgotten, flushed, ran, views, stock };
  });
  assert.deepEqual((await app.server.inject('/')).json(), {
    user: { name: 'John' },
    has: true,
    forgotten: true,
    flushed: null,
    ran: 'paid',
    views: 1,
    stock: -1,
  });
});

test('the exports of @veloxts/cache are there', () => {
  for (const name of [
    'cache',
    'cachePlugin',
    'closeCache',
    'createCacheManager',
    'createMemoryCache',
    'formatTtl',
    'getCache',
    'getCacheFromInstance',
    'initCache',
    'isDurationString',
    'parseTtl',
    'parseTtlMs',
  ]) {
    assert.equal(typeof ferrocache[name], 'function', name);
  }
  assert.equal(ferrocache.MEMORY_DRIVER, 'memory');
  assert.equal(ferrocache.REDIS_DRIVER, 'redis');
});

test('the utils entry has the durations and does not load the cache', () => {
  const { execFileSync } = require('node:child_process');
  const path = require('node:path');
  const root = path.join(__dirname, '..', '..');
  const script = `
    const utils = require('./utils.js');
    const loaded = Object.keys(require.cache).map((file) => require('node:path').basename(file));
    console.log(JSON.stringify({ names: Object.keys(utils), loaded, hour: utils.parseTtl('1h') }));
  `;
  const { names, loaded, hour } = JSON.parse(
    execFileSync(process.execPath, ['-e', script], { cwd: root, encoding: 'utf8' }),
  );
  assert.deepEqual(names.toSorted(), ['formatTtl', 'isDurationString', 'parseTtl', 'parseTtlMs']);
  assert.equal(hour, 3600);
  assert.equal(loaded.includes('cache.js'), false);
});
