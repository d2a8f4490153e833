'use strict';

// Writes that are on their way while a flush is: nobody is served what was removed, and what came last stays.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { Cache } = require('../../index.js');
const { until } = require('../support/wait.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

for (const [how, tags] of [
  ['a put', []],
  ['a put of several steps', ['tag']],
]) {
  test(`what is flushed is gone when flush() resolves, also where ${how} is on its way`, async (t) => {
    const server = await startServer(t);
    const proxy = await startProxy(t, server);
    const open = ({ url }) => new Cache({ driver: 'redis', failOpen: false, config: { url } });
    const [cache, other] = [open(proxy), open(server)];
    t.after(() => Promise.all([cache.close(), other.close()]));
    const put = (value) => cache.tags(tags).put('k', value);
    await put('old');
    proxy.pause('replies');
    const flush = cache.flush();
    await proxy.seen('SCAN');
    // The key is found, and its put goes no further than here.
    proxy.pause('requests');
    const written = put('new');
    const pending = async () => (await cache.stats()).connection.pending;
    await until('both are under way', async () => (await pending()) === 2, { every: 1 });
    const found = flush.then(() => other.get('k'));
    proxy.resume('replies');
    // It may wait for the put. If it does not, it is over by then.
    const over = found.then(() => true);
    for (let turn = 0; turn < 20; turn += 1) await Promise.race([over, other.has('another')]);
    proxy.resume();
    await written;
    assert.notEqual(await found, 'old');
    assert.equal(await other.get('k'), 'new');
  });
}
