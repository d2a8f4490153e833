'use strict';

// Four worker threads write entries of mixed sizes and lives into one store: its bounds hold, and the
// process's own memory is bounded by them.

const assert = require('node:assert/strict');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');
const { Cache } = require('../../index.js');
const { storeName } = require('../support/threads.js');
require('../support/alive.js');

const MEBIBYTE = 1024 * 1024;
const WRITERS = 4;
const SECONDS = Number(process.env.STRESS_SECONDS ?? 8);

/** What the heaps of the writers and the allocator's slack may come to on top of the store. */
const SLACK = 160 * MEBIBYTE;

function writer(options, seed, stop) {
  const worker = new Worker(path.join(__dirname, 'stress-writer.js'), {
    workerData: { options, seed, stop },
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 },
  });
  const heard = () =>
    new Promise((resolve, reject) => {
      worker.once('message', (message) =>
        message.error ? reject(new Error(message.error)) : resolve(message),
      );
      worker.once('error', reject);
    });
  return { worker, heard };
}

for (const policy of ['lru', 'tinylfu']) {
  test(
    `four threads of writers do not move the bounds of one store (${policy})`,
    { timeout: 120_000 },
    async () => {
      const maxSizeBytes = 48 * MEBIBYTE;
      const maxSize = 20_000;
      const options = { name: storeName('stress'), config: { maxSize, maxSizeBytes, policy } };
      const cache = new Cache(options);
      const stop = new SharedArrayBuffer(4);
      const writers = Array.from({ length: WRITERS }, (_, i) => writer(options, 7919 * (i + 1), stop));
      await Promise.all(writers.map(({ heard }) => heard()));
      const before = process.memoryUsage().rss;
      const results = writers.map(({ heard }) => heard());
      for (const { worker } of writers) worker.postMessage('go');

      let highest = before;
      let mostBytes = 0;
      let mostEntries = 0;
      const end = cache.clock.now() + (SECONDS / 2) * 1000;
      while (cache.clock.now() < end) {
        await sleep(50);
        const { bytes, entries } = await cache.stats();
        mostBytes = Math.max(mostBytes, bytes);
        mostEntries = Math.max(mostEntries, entries);
        highest = Math.max(highest, process.memoryUsage().rss);
      }
      Atomics.store(new Int32Array(stop), 0, 1);
      const ended = await Promise.all(results);
      const written = ended.reduce((sum, result) => sum + result.written, 0);

      const { bytes, entries, evictions } = await cache.stats();
      const grown = highest - before;
      const shown = JSON.stringify({ bytes, entries, evictions, mostBytes, mostEntries, grown, written });
      assert.ok(bytes <= maxSizeBytes, `after the writes settled: ${shown}`);
      assert.ok(entries <= maxSize, `after the writes settled: ${shown}`);
      assert.ok(mostBytes <= maxSizeBytes * 1.01, `while writing: ${shown}`);
      assert.ok(mostEntries <= maxSize * 1.01, `while writing: ${shown}`);
      assert.ok(evictions > 0, shown);
      assert.ok(grown <= 2 * maxSizeBytes + SLACK, `resident memory: ${shown}`);
      // Only so does the bound on the memory mean anything.
      assert.ok(written > 2 * (2 * maxSizeBytes + SLACK), `too little was written: ${shown}`);

      // What is listed is what is counted, and nothing of it is broken.
      let listed = 0;
      for await (const key of cache.keys()) {
        listed += 1;
        if (listed % 50 === 0) await cache.get(key);
      }
      assert.ok(listed <= entries + 1, `${listed} of ${shown}`);
      await cache.flush();
      const empty = await cache.stats();
      assert.equal(empty.entries, 0);
      assert.equal(empty.bytes, 0);
      await Promise.all(writers.map(({ worker }) => worker.terminate()));
      await cache.close();
    },
  );
}
