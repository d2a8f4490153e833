'use strict';

// Callers of one moment share one run, also where they are sent in several batches and the run ends at once: what
// they ask comes before the end that the first of them sends.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { Cache } = require('../../index.js');
const { gate } = require('../support/deferred.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

const ROUNDS = 60;
const CALLERS = 50;
const ttl = 0.05;

/** Runs of a factory that fails as soon as it is called, over several rounds of callers. */
async function failingRuns(cache, key, options) {
  const broken = gate();
  const calls = Array.from({ length: CALLERS }, () => cache.remember(key, options, broken));
  await broken.started;
  broken.reject(new Error('down'));
  return { outcomes: await Promise.allSettled(calls), runs: broken.runs };
}

async function withCache(body, prepare = () => {}) {
  const server = await startServer();
  const proxy = await startProxy(null, server);
  prepare(proxy);
  const cache = new Cache({ driver: 'redis', config: { url: proxy.url } });
  try {
    cache.on('error', () => {});
    await body(cache, proxy);
  } finally {
    await cache.close();
    await proxy.stop();
    await server.stop();
  }
}

/** @type {[string, ((proxy: import('./support/proxy.js').Proxy) => void)?][]} */
const servers = [
  [''],
  [', on a server without SET … NX GET', (proxy) => proxy.refuseSetWith('GET')],
  [', on a server with SET … IFEQ', (proxy) => proxy.knowIfeq()],
];
const values = { '': 'old', ', which is large': 'old'.repeat(50_000) };

for (const [on, prepare] of servers) {
  test(`callers of a missing value share a run that fails at once${on}`, () =>
    withCache(async (cache) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const { outcomes, runs } = await failingRuns(cache, `k${round}`, { ttl });
        assert.equal(runs, 1, `round ${round}`);
        for (const { reason } of outcomes) assert.equal(reason.message, 'down');
      }
    }, prepare));

  for (const [which, old] of Object.entries(values)) {
    test(`callers of a stale value${which} share a run that fails at once${on}`, () =>
      withCache(async (cache) => {
        const options = { ttl, grace: '1h' };
        const keys = Array.from({ length: ROUNDS }, (_, round) => `k${round}`);
        for (const key of keys) await cache.remember(key, options, () => old);
        await sleep(1000 * ttl + 5);
        for (const key of keys) {
          const { outcomes, runs } = await failingRuns(cache, key, options);
          assert.equal(runs, 1, key);
          for (const { value } of outcomes) assert.equal(value, old);
        }
      }, prepare));
  }
}

test('callers of one moment ask the server once', () =>
  withCache(async (cache, proxy) => {
    await cache.remember('first', () => 1);
    // Each lease is asked for with the time.
    const before = proxy.counters.names.get('TIME');
    const asked = Array.from({ length: 10 }, () => cache.remember('key', () => 1));
    assert.deepEqual(await Promise.all(asked), Array(10).fill(1));
    assert.equal(proxy.counters.names.get('TIME'), before + 1);
  }));
