'use strict';

// Opens and terminates workers that are busy with their caches, and prints what is left afterwards
// as JSON. The addon is never loaded in the main thread until the very end.
//
//   node __test__/lifecycle/churn.js <workers> <at a time>

const path = require('node:path');
const { Worker } = require('node:worker_threads');

const workers = Number(process.argv[2] ?? 200);
const width = Number(process.argv[3] ?? 4);
const name = 'churn';
const warm = Math.floor(workers / 2);

function one(id) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(path.join(__dirname, 'churn-worker.js'), {
      workerData: { name, id },
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    });
    worker.on('error', reject);
    worker.on('message', (message) => {
      if (message.error) reject(new Error(message.error));
      else worker.terminate().then(resolve, reject);
    });
  });
}

let started = 0;
let ended = 0;
const samples = [];

function sample() {
  global.gc?.();
  samples.push({
    workers: ended,
    rss: process.memoryUsage().rss,
    handles: process._getActiveHandles().length,
    threads: threads(),
  });
}

/** How many threads the process has, where the system says it. */
function threads() {
  try {
    return require('node:fs').readdirSync('/proc/self/task').length;
  } catch {
    return null;
  }
}

/** Goes on until `goal` workers have come and gone, then takes a sample. */
async function until(goal) {
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (started < goal) {
        const id = started;
        started += 1;
        await one(id);
        ended += 1;
      }
    }),
  );
  sample();
}

async function main() {
  await until(width);
  await until(warm);
  await until(workers);
  const { Cache } = require('../../index.js');
  // The store went away with its last worker: its name is free for another configuration.
  const cache = new Cache({ name, config: { maxSize: 7 } });
  const { entries, locks, flights } = await cache.stats();
  await cache.close();
  process.stdout.write(`${JSON.stringify({ samples, entries, locks, flights })}\n`);
}

main();
