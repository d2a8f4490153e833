import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, beforeEach, test } from 'node:test';

import * as core from '@lensjs/core';

import { cachePlugin } from '../../index.js';
import fastify from '../plugin/fastify.js';
import support from './lens.js';

const { createApp } = fastify;
const { runInLensContext, startLens } = support;
const require = createRequire(import.meta.url);

let lens;

before(async () => {
  lens = await startLens(core);
});
beforeEach(() => lens.truncate());
after(() => lens.stop());

test('the ESM and the CommonJS copy of Lens have emitters and contexts of their own', () => {
  const commonJs = require('@lensjs/core');
  assert.notEqual(commonJs.lensEmitter, core.lensEmitter);
  assert.notEqual(commonJs.lensContext, core.lensContext);
});

test('an app that imports Lens as an ES module gets its events and their request', async (t) => {
  const app = createApp(t);
  runInLensContext(app, core.lensContext);
  await app.register(cachePlugin, { lens: true });
  app.get('/', async (request) => {
    await request.cache.put('key', { some: 'value' });
    return request.cache.get('key');
  });
  await app.inject({ url: '/', headers: { 'x-id': 'esm-request' } });
  const entries = await lens.entriesOf('esm-request');
  assert.deepEqual(
    entries.map(({ data }) => [data.action, data.data]),
    [
      ['write', { key: 'key', value: { some: 'value' } }],
      ['hit', { key: 'key', value: { some: 'value' } }],
    ],
  );
});

test('with both copies listening each gets every event once, with the id of its own context', async (t) => {
  const commonJs = require('@lensjs/core');
  const seen = [];
  const listener = (entry) => seen.push(entry);
  commonJs.lensEmitter.on('cache', listener);
  t.after(() => commonJs.lensEmitter.off('cache', listener));
  const app = createApp(t);
  await app.register(cachePlugin, { lens: true });
  await core.lensContext.run({ requestId: 'of-esm' }, () =>
    commonJs.lensContext.run({ requestId: 'of-commonjs' }, () => app.cache.get('key')),
  );
  assert.deepEqual(
    seen.map(({ action, requestId }) => [action, requestId]),
    [['miss', 'of-commonjs']],
  );
  const entries = await lens.entries();
  assert.deepEqual(
    entries.map(({ data }) => [data.action, data.requestId]),
    [['miss', 'of-esm']],
  );
});

test('the emitter and the context of a copy can be given instead', async (t) => {
  const app = createApp(t);
  const { lensContext: context, lensEmitter: emitter } = core;
  await app.register(cachePlugin, { lens: { emitter, context } });
  await context.run({ requestId: 'given' }, () => app.cache.get('key'));
  const entries = await lens.entriesOf('given');
  assert.deepEqual(
    entries.map(({ data }) => data.action),
    ['miss'],
  );
});
