'use strict';

// The worker side of hot-threads.test.js: reads, writes and invalidates the same keys as all others, and looks for a
// value that is older than one that was read before, here or on any other thread.

const { parentPort, workerData } = require('node:worker_threads');
const { Cache } = require('../../index.js');

const { options, keys, counters, rounds, seed } = workerData;
/** By key, the number that was written last, and the least that may still be read. */
const [written, read] = counters.map((shared) => new Int32Array(shared));

let state = seed;
function random(most) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return (state >> 8) % most;
}

/** Raises a shared number; two threads may do so at once. */
function raise(numbers, at, to) {
  for (let is = Atomics.load(numbers, at); is < to;) {
    const was = Atomics.compareExchange(numbers, at, is, to);
    if (was === is) return;
    is = was;
  }
}

async function look(cache, at) {
  const least = Atomics.load(read, at);
  const value = await cache.get(`k${at}`);
  if (value === null) return;
  const { number } = value;
  if (number < least) throw new Error(`k${at}: ${number} was read after ${least}`);
  raise(read, at, number);
  if (options.config.isolation === 'copy') value.number = -1;
}

async function write(cache, at) {
  const number = Atomics.load(written, at) + 1;
  await cache.tags([`t${at}`]).put(`k${at}`, { number, text: 'x'.repeat(number % 50) });
  raise(written, at, number);
}

async function invalidate(cache, at) {
  const number = Atomics.load(written, at);
  const kind = random(20);
  if (kind === 0) await cache.flush();
  else if (kind < 8) await cache.tags([`t${at}`]).flush();
  else await cache.forget(`k${at}`);
  // What was there is older than this, wherever it is read.
  raise(read, at, number + 1);
  raise(written, at, number + 1);
}

async function main() {
  const cache = new Cache(options);
  parentPort.postMessage('ready');
  await new Promise((resolve) => {
    parentPort.once('message', resolve);
  });
  // One thread writes a key, so that its numbers are in order; all read it, and its writer invalidates it.
  const own = workerData.index;
  for (let round = 0; round < rounds; round++) {
    const chance = random(1000);
    if (chance < 6) await invalidate(cache, own);
    else if (chance < 40) await write(cache, own);
    else await look(cache, random(keys));
  }
  const { hits } = await cache.stats();
  await cache.close();
  parentPort.postMessage({ hits });
}

main().catch((error) => {
  throw error;
});
