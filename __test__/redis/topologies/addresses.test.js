'use strict';

// Unix sockets, databases, and what a URL says.

const assert = require('node:assert/strict');
const { after, before, beforeEach, describe, test } = require('node:test');

const { cacheError } = require('../../support/errors.js');
const { record } = require('../../support/events.js');
const { openFor } = require('../../support/open.js');
const { startServer } = require('../support/server.js');
const { startTraffic } = require('./traffic.js');
require('../../support/alive.js');

const LIMIT = { timeout: 30_000 };
const DOWN = ['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'];
const USER = 'ann:é@x';
const PASSWORD = 'p@ss:/w?r#d % é';

let server;

before(async () => {
  server = await startServer(null, { unix: true, requirepass: 'plain' });
  await server.cli('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
});
after(() => server?.stop());
beforeEach(() => server.cli('FLUSHALL'));

const open = (t, config, more) =>
  openFor(t, {
    driver: 'redis',
    failOpen: false,
    ...more,
    config: { commandTimeout: '500ms', reconnectDelay: '20ms', maxReconnectDelay: '100ms', ...config },
  });

/** Puts a value through one cache and reads it through the other. */
async function agree(one, other) {
  await one.put('key', { from: 'one' });
  assert.deepEqual(await other.get('key'), { from: 'one' });
  await one.forget('key');
}

describe('a Unix socket', () => {
  test('is used by its path and by its URL', LIMIT, async (t) => {
    const byPath = open(t, { path: server.path, password: 'plain' });
    const byUrl = open(t, { url: `unix://${server.path}`, password: 'plain' });
    const byPort = open(t, { host: server.host, port: server.port, password: 'plain' });
    await Promise.all([byPath.ready(), byUrl.ready(), byPort.ready()]);
    await agree(byPath, byUrl);
    await agree(byUrl, byPort);
    const clients = await server.cli('CLIENT', 'LIST');
    assert.ok(clients.includes(`${server.path}:0`));
    assert.equal((await byPath.stats()).connection?.protocol, 3);
  });

  test('carries traffic, breaks, and is found again when the server is back', LIMIT, async (t) => {
    const cache = open(t, { path: server.path, password: 'plain' });
    const events = record(cache, 'connect', 'disconnect');
    const traffic = startTraffic(
      t,
      cache,
      Array.from({ length: 8 }, (_, at) => `key ${at}`),
    );
    await traffic.rounds(50);
    assert.deepEqual(traffic.failures, []);
    t.diagnostic(`slowest ${traffic.slowest.toFixed(0)} ms`);
    for (const client of traffic.clients) client.lossy = true;
    await server.kill();
    await assert.rejects(cache.increment('n'), cacheError(DOWN, /redis\.sock/));
    await server.start(server.port);
    await server.cli('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    await traffic.recovered();
    assert.ok(traffic.slowest < 750);
    assert.deepEqual(await traffic.stop(), []);
    assert.equal(events.at(-1)?.event, 'connect');
  });

  test('that is not there is named', LIMIT, async (t) => {
    const cache = open(t, { path: `${server.path}.none` });
    await assert.rejects(cache.ready(), cacheError(DOWN, /redis\.sock\.none/));
  });
});

describe('a database', () => {
  test('keeps its entries, tags, locks, counters and flushes to itself', LIMIT, async (t) => {
    const at = { host: server.host, port: server.port, password: 'plain' };
    const zero = open(t, at);
    const three = open(t, { ...at, db: 3 });
    await zero.tags(['t']).put('k', 0);
    await three.tags(['t']).put('k', 3);
    assert.equal(await zero.increment('n'), 1);
    assert.equal(await three.increment('n'), 1);
    await zero.tags(['t']).flush();
    assert.equal(await zero.get('k'), null);
    assert.equal(await three.get('k'), 3);
    const lock = await zero.lock('l', { maxRetries: 0 });
    const other = await three.lock('l', { maxRetries: 0 });
    assert.ok(lock.acquired && other.acquired);
    await zero.flush();
    assert.equal(await three.get('k'), 3);
    assert.equal(await three.get('n'), 1);
    assert.equal(await other.release(), true);
    const keyspace = await server.info('keyspace');
    assert.ok('db3' in keyspace);
  });

  test('is chosen again when the connection is made again', LIMIT, async (t) => {
    const cache = open(t, { url: `redis://:plain@${server.host}:${server.port}/3` });
    await cache.put('k', 3);
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal');
    assert.equal(await cache.get('k'), 3);
    await cache.put('other', 4);
    assert.ok((await cache.stats()).connection.reconnects >= 1);
    const zero = open(t, { url: server.url });
    assert.equal(await zero.get('other'), null);
  });

  test('is named by a URL', LIMIT, async (t) => {
    const { host, port } = server;
    const three = open(t, { host, port, password: 'plain', db: 3 });
    await agree(three, open(t, { url: `redis://:plain@${host}:${port}/3` }));
    await agree(three, open(t, { url: `redis://:plain@${host}:${port}?db=3` }));
    await agree(three, open(t, { url: `valkey://:plain@${host}:${port}/3` }));
    await agree(three, open(t, { url: `unix://${server.path}?db=3`, password: 'plain' }));
  });

  test('that the server does not have is named', LIMIT, async (t) => {
    const cache = open(t, { host: server.host, port: server.port, password: 'plain', db: 99 });
    await assert.rejects(cache.ready(), (error) => {
      t.diagnostic(error.message);
      return cacheError(DOWN, /database|DB index|SELECT/i)(error);
    });
  });
});

describe('a user and a password', () => {
  test('are percent-encoded in a URL', LIMIT, async (t) => {
    const { host, port } = server;
    const user = encodeURIComponent(USER);
    const password = encodeURIComponent(PASSWORD);
    const cache = open(t, { url: `redis://${user}:${password}@${host}:${port}` });
    const same = open(t, { host, port, username: USER, password: PASSWORD });
    await agree(cache, same);
    await agree(same, open(t, { url: `valkey://${user}:${password}@${host}:${port}` }));
    await agree(same, open(t, { url: `unix://${server.path}`, username: USER, password: PASSWORD }));
    const who = await server.cli('CLIENT', 'LIST');
    assert.ok(who.includes('user=ann:'));
  });

  test('that are wrong are refused at once, and are shown nowhere', LIMIT, async (t) => {
    const { host, port } = server;
    const user = encodeURIComponent(USER);
    for (const url of [`redis://${user}:hunter2@${host}:${port}`, `redis://:hunter2@${host}:${port}/1`]) {
      const cache = open(t, { url });
      const began = performance.now();
      await assert.rejects(cache.ready(), (error) => {
        t.diagnostic(error.message);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /hunter2|ann:/);
        return cacheError(DOWN, /WRONGPASS/)(error);
      });
      assert.ok(performance.now() - began < 400);
    }
    const cache = open(t, { host, port });
    await assert.rejects(cache.ready(), cacheError(DOWN, /NOAUTH/));
  });

  test('that are changed while the cache runs are not needed until it connects again', LIMIT, async (t) => {
    const { host, port } = server;
    await server.cli('ACL', 'SETUSER', 'bob', 'on', '>first', '~*', '+@all');
    const cache = open(t, { host, port, username: 'bob', password: 'first' });
    await cache.put('k', 1);
    await server.cli('ACL', 'SETUSER', 'bob', 'resetpass', '>second');
    assert.equal(await cache.get('k'), 1);
    await server.cli('CLIENT', 'KILL', 'USER', 'bob');
    await assert.rejects(cache.increment('n'), cacheError(DOWN));
    const back = new Promise((resolve) => {
      cache.once('connect', resolve);
    });
    await server.cli('ACL', 'SETUSER', 'bob', '>first');
    await back;
    assert.equal(await cache.get('k'), 1);
  });
});
