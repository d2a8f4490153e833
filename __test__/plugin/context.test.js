'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { cachePlugin } = require('../../index.js');
const { createApp } = require('./fastify.js');

/** Makes `request.context` the way VeloxTS does: in an onRequest hook, by plain assignment. */
function addContext(instance, make = (request, reply) => ({ request, reply })) {
  instance.addHook('onRequest', async (request, reply) => {
    request.context = make(request, reply);
  });
}

/** What a procedure gets: a spread copy of the context. */
async function procedure(request) {
  const ctx = { ...request.context };
  return {
    own: Object.hasOwn(request.context, 'cache'),
    same: ctx.cache === request.cache,
    value: await ctx.cache.remember('answer', '1h', () => 42),
  };
}

const SEEN = { own: true, same: true, value: 42 };

test('a context made by a hook that was added before the plugin has the cache', async (t) => {
  const app = createApp(t);
  addContext(app);
  await app.register(cachePlugin);
  app.get('/', procedure);
  assert.deepEqual((await app.inject('/')).json(), SEEN);
});

test('a context made by a hook that was added after the plugin has the cache', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  addContext(app);
  app.get('/', procedure);
  assert.deepEqual((await app.inject('/')).json(), SEEN);
});

test('a context has the cache in every phase after the one that made it', async (t) => {
  for (const first of ['context', 'plugin']) {
    const app = createApp(t);
    if (first === 'context') addContext(app);
    await app.register(cachePlugin);
    if (first === 'plugin') addContext(app);
    const seen = [];
    const note = async (request) => {
      seen.push(request.context.cache === app.cache);
    };
    for (const phase of ['preParsing', 'preValidation', 'preHandler', 'onResponse']) {
      app.addHook(phase, note);
    }
    if (first === 'context') app.addHook('onRequest', note);
    app.post('/', async () => 'done');
    await app.inject({ method: 'POST', url: '/', payload: { some: 'body' } });
    assert.deepEqual(seen, Array(first === 'context' ? 5 : 4).fill(true));
  }
});

test('a context that a child scope makes has the cache of that scope', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin, { namespace: 'pages' });
  await app.register(async (child) => {
    addContext(child);
    await child.register(cachePlugin);
    child.get('/child', async (request) => request.context.cache === child.cache);
  });
  await app.register(async (child) => {
    addContext(child);
    child.get('/sibling', async (request) => request.context.cache.pages === app.cache.pages);
  });
  assert.equal((await app.inject('/child')).body, 'true');
  assert.equal((await app.inject('/sibling')).body, 'true');
});

test('a cache under another decorator is still context.cache', async (t) => {
  const app = createApp(t);
  addContext(app);
  await app.register(cachePlugin, { decorator: 'appCache' });
  app.get('/', async (request) => request.context.cache === app.appCache);
  assert.equal((await app.inject('/')).body, 'true');
});

test('a cache that the app put into the context itself is left alone', async (t) => {
  const app = createApp(t);
  const fake = { fake: true };
  addContext(app, () => ({ cache: fake }));
  await app.register(cachePlugin);
  app.get('/', async (request) => request.context.cache === fake);
  assert.equal((await app.inject('/')).body, 'true');
});

test('an inherited cache in the context is shadowed by an own one', async (t) => {
  const app = createApp(t);
  const prototype = {
    get cache() {
      return undefined;
    },
  };
  addContext(app, () => Object.create(prototype));
  await app.register(cachePlugin);
  app.get('/', procedure);
  assert.deepEqual((await app.inject('/')).json(), SEEN);
});

test('a context that cannot be extended, or is no object, breaks no request', async (t) => {
  const hostile = new Proxy(
    {},
    {
      getOwnPropertyDescriptor() {
        throw new Error('hostile');
      },
    },
  );
  for (const context of [Object.freeze({}), null, undefined, 7, 'text', hostile]) {
    const app = createApp(t);
    addContext(app, () => context);
    await app.register(cachePlugin);
    app.get('/', async (request) => request.cache === app.cache);
    assert.equal((await app.inject('/')).body, 'true');
  }
});

test('an app without contexts gets none', async (t) => {
  const app = createApp(t);
  await app.register(cachePlugin);
  app.get('/', async (request) => 'context' in request);
  assert.equal((await app.inject('/')).body, 'false');
});
