'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache, cachePlugin } = require('../../index.js');
const { createApp } = require('./fastify.js');

test('fastify.register(cachePlugin) gives a working memory cache without any option', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  assert.ok(app.cache instanceof Cache);
  assert.equal(app.cache.driver, 'memory');
  await app.cache.put('greeting', 'hello');
  assert.equal(await app.cache.get('greeting'), 'hello');
});

test('fastify.register(cachePlugin, options) uses the options', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { name: 'forms-options', config: { maxSize: 10 } });
  assert.equal(app.cache.name, 'forms-options');
});

test('fastify.register(cachePlugin(options)) uses the options', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin({ driver: 'memory', name: 'forms-factory' }));
  assert.equal(app.cache.name, 'forms-factory');
});

test('fastify.register(cachePlugin()) is the same as without the call', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin());
  assert.ok(app.cache instanceof Cache);
});

test('options given at the registration come on top of those of the factory', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin({ name: 'forms-below', decorator: 'store' }), {
    name: 'forms-above',
  });
  assert.equal(app.store.name, 'forms-above');
});

test('one plugin that was made once registers on several apps, each with its own cache', async (t) => {
  const plugin = cachePlugin();
  const first = createApp(t);
  const second = createApp(t);
  await first.register(plugin);
  await second.register(plugin);
  assert.notEqual(first.cache, second.cache);
  await first.cache.put('key', 1);
  assert.equal(await second.cache.get('key'), null);
});

test('the plugin called directly with an instance registers on it', async (t) => {
  const app = createApp(t);
  await cachePlugin(app, { name: 'forms-direct' });
  assert.equal(app.cache.name, 'forms-direct');
});

test('plugin.register(server, options) registers, and its options come on top', async (t) => {
  const app = createApp(t);
  const { register } = cachePlugin({ name: 'forms-register-below' });
  await register(app, { name: 'forms-register-above' });
  assert.equal(app.cache.name, 'forms-register-above');
});

test('a made plugin carries its name, the version of the package and register', () => {
  const plugin = cachePlugin({});
  assert.equal(plugin.name, 'ferrocache');
  assert.equal(plugin.version, require('../../package.json').version);
  assert.equal(typeof plugin.register, 'function');
});

test('Fastify knows the plugin by its name', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  assert.ok(app.hasPlugin('ferrocache'));
  await app.register(async () => {});
});

test('another plugin can depend on the cache plugin by its name', async (t) => {
  const app = createApp(t);
  const fastifyPlugin = require('fastify-plugin');
  let seen;
  await app.register(cachePlugin);
  await app.register(
    fastifyPlugin(
      async (instance) => {
        seen = instance.cache;
      },
      { name: 'needs-cache', dependencies: ['ferrocache'], decorators: { fastify: ['cache'] } },
    ),
  );
  assert.equal(seen, app.cache);
});

test('calling the factory with bad options fails when the plugin registers, not before', async (t) => {
  for (const options of [{ drivr: 'memory' }, 'redis', 42, { driver: 'no-such-driver' }]) {
    const app = createApp(t);
    const plugin = cachePlugin(options);
    await assert.rejects(async () => app.register(plugin), { code: 'CACHE_CONFIG' });
    assert.equal(app.hasDecorator('cache'), false);
  }
});

test('bad options at the registration reject with CACHE_CONFIG', async (t) => {
  const app = createApp(t);
  await assert.rejects(async () => app.register(cachePlugin, { maxSize: 10, readdy: true }), {
    code: 'CACHE_CONFIG',
  });
});

test('register on something that is no Fastify instance rejects with CACHE_PLUGIN', async () => {
  for (const server of [undefined, null, 1, {}, { decorate() {} }]) {
    await assert.rejects(cachePlugin().register(server), { code: 'CACHE_PLUGIN' });
  }
});
