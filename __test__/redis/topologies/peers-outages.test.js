'use strict';

// What other caches get wrong while Redis is down or does not answer: each was seen in a published package.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { deferred } = require('../../support/deferred.js');
const { cacheError } = require('../../support/errors.js');
const { record } = require('../../support/events.js');
const { openFor } = require('../../support/open.js');
const { startServer } = require('../support/server.js');
const { until } = require('../../support/wait.js');
require('../../support/alive.js');

const DOWN = ['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'];

const at = ({ host, port }) => ({
  driver: 'redis',
  config: { host, port, commandTimeout: '300ms', reconnectDelay: '20ms', maxReconnectDelay: '100ms' },
});

async function timed(promise) {
  const began = performance.now();
  await promise;
  return performance.now() - began;
}

describe('Redis accepts and never answers: it hangs for ever', () => {
  test('every operation settles in its time, and fails open', { timeout: 20_000 }, async (t) => {
    const server = await startServer(t);
    const cache = openFor(t, at(server));
    const errors = record(cache, 'error');
    await cache.put('k', 'stored');
    server.pause();
    assert.ok((await timed(cache.get('k'))) < 550);
    const calls = [
      cache.get('k').then((value) => assert.equal(value, null)),
      cache.put('k', 1),
      cache.remember('k', () => 'computed').then((value) => assert.equal(value, 'computed')),
      assert.rejects(cache.delete('k'), cacheError(DOWN)),
      assert.rejects(cache.lock('l', { maxRetries: 0 }), cacheError(DOWN)),
      assert.rejects(cache.tags(['t']).flush(), cacheError(DOWN)),
    ];
    assert.ok((await timed(Promise.all(calls))) < 550);
    assert.ok(errors.length >= 4);
    server.resume();
    await until('it is served again', async () => {
      await cache.put('k', 'back');
      return (await cache.get('k')) === 'back';
    });
  });
});

describe('Redis down: each command rejects after 10.5 s; unhandled error lines', () => {
  test('each settles at once, and all goes on when Redis is back', { timeout: 20_000 }, async (t) => {
    const own = await startServer(t);
    const cache = openFor(t, at(own));
    const errors = record(cache, 'error');
    await cache.put('k', 1);
    const ended = deferred();
    cache.once('disconnect', ended.resolve);
    await own.kill();
    await ended.promise;
    const times = [];
    for (let round = 0; round < 20; round += 1) {
      times.push(
        await timed(cache.get('k')),
        await timed(cache.put('k', 1)),
        await timed(cache.remember('k', () => 1)),
        await timed(assert.rejects(cache.delete('k'), cacheError(DOWN))),
      );
    }
    t.diagnostic(`slowest ${Math.max(...times).toFixed(0)} ms of ${times.length}`);
    assert.ok(Math.max(...times) < 300);
    assert.ok(errors.length >= 60);
    await own.restart();
    await until('it is served again', async () => {
      await cache.put('k', 'back');
      return (await cache.get('k')) === 'back';
    });
  });

  test('nor does it keep an app from starting, or from ending', { timeout: 20_000 }, async (t) => {
    const cache = openFor(t, at({ host: '127.0.0.1', port: 1 }));
    const errors = record(cache, 'error');
    assert.equal(await cache.remember('k', () => 'computed'), 'computed');
    assert.ok((await timed(assert.rejects(cache.ready(), cacheError(DOWN)))) < 500);
    assert.ok((await timed(cache.close())) < 550);
    assert.ok(errors.length > 0);
  });
});
