'use strict';

// What a thread is being given when it is terminated goes to whoever asks next, and does not wait for its end.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache } = require('../../index.js');
const { Thread } = require('../support/threads.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

const LIMIT = { timeout: 60_000 };
const LONG = '10m';

/** A thread and this one on one store, whose answers are held back when the thread has asked. */
async function open(t) {
  const proxy = await startProxy(t, await startServer(t));
  const config = { url: proxy.url, leaseTtl: LONG, commandTimeout: '30s' };
  const options = { driver: 'redis', failOpen: false, hardTimeout: LONG, config };
  const cache = new Cache(options);
  t.after(() => cache.close());
  const thread = await Thread.open(options);
  t.after(() => thread.terminate());
  await thread.call('get', 'connected');
  return { cache, proxy, thread };
}

/** Terminates a thread when the server has carried out what it was asked, and has not answered. */
async function terminated({ proxy, thread }, command, ask) {
  const before = proxy.counters.names.get(command) ?? 0;
  proxy.pause('replies');
  ask(thread);
  await proxy.seen(command, before + 1);
  await thread.terminate();
  proxy.resume();
}

for (const [how, options] of Object.entries({ '': {}, ' of a tag': { tags: ['t'] } })) {
  test(`a lease${how}`, LIMIT, async (t) => {
    const world = await open(t);
    const command = how === '' ? 'SET' : 'EVAL';
    await terminated(world, command, (thread) => thread.remember('key', options));
    assert.equal(await world.cache.remember('key', () => 'own'), 'own');
    assert.equal((await world.cache.stats()).flights, 0);
  });
}

test('a lock', LIMIT, async (t) => {
  const world = await open(t);
  await terminated(world, 'EVAL', (thread) => thread.lock('lock', { ttl: LONG }).catch(() => {}));
  const lock = await world.cache.lock('lock', { ttl: LONG, wait: '30s' });
  assert.equal(lock.acquired, true);
  await lock.release();
});
