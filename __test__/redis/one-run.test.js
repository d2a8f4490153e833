'use strict';

// Callers of one moment share one run, also where they are sent in several batches and the run ends at once: what
// they ask comes before the end that the first of them sends.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { Cache } = require('../../index.js');
const { gate } = require('../support/deferred.js');
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

async function withCache(body) {
  const server = await startServer();
  const cache = new Cache({ driver: 'redis', config: { url: server.url } });
  try {
    cache.on('error', () => {});
    await body(cache);
  } finally {
    await cache.close();
    await server.stop();
  }
}

test('callers of a missing value share a run that fails at once', () =>
  withCache(async (cache) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { outcomes, runs } = await failingRuns(cache, `k${round}`, { ttl });
      assert.equal(runs, 1, `round ${round}`);
      for (const { reason } of outcomes) assert.equal(reason.message, 'down');
    }
  }));

test('callers of a stale value share a run that fails at once', () =>
  withCache(async (cache) => {
    const options = { ttl, grace: '1h' };
    const keys = Array.from({ length: ROUNDS }, (_, round) => `k${round}`);
    for (const key of keys) await cache.remember(key, options, () => 'old');
    await sleep(1000 * ttl + 5);
    for (const key of keys) {
      const { outcomes, runs } = await failingRuns(cache, key, options);
      assert.equal(runs, 1, key);
      for (const { value } of outcomes) assert.equal(value, 'old');
    }
  }));
