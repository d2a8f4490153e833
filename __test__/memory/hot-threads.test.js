'use strict';

// Threads that read, write and invalidate the same keys: nobody reads anything older than what anybody has read.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { openFor } = require('../support/open.js');
const { storeName } = require('../support/threads.js');
require('../support/alive.js');

const THREADS = 4;
const ROUNDS = 20_000;

for (const config of [
  { isolation: 'copy' },
  { isolation: 'frozen' },
  { isolation: 'frozen', policy: 'tinylfu' },
]) {
  test(`${JSON.stringify(config)}: no read gives an older value than a read before`, async (t) => {
    const options = { name: storeName('hot-threads'), config };
    // It outlives the threads.
    const cache = openFor(t, options);
    const shared = () => new SharedArrayBuffer(4 * THREADS);
    const counters = [shared(), shared()];
    const workers = Array.from({ length: THREADS }, (_, index) => {
      const workerData = { options, index, keys: THREADS, counters, rounds: ROUNDS, seed: index + 1 };
      return new Worker(path.join(__dirname, 'hot-worker.js'), { workerData });
    });
    const next = (worker) =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    await Promise.all(workers.map(next));
    const ends = workers.map(next);
    for (const worker of workers) worker.postMessage('go');
    await Promise.all(ends);
    const { hits, misses } = await cache.stats();
    assert.ok(hits > ROUNDS && misses > 0, `${hits} hits, ${misses} misses`);
  });
}
