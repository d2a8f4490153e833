'use strict';

// One writer of stress.test.js: writes and reads entries of mixed sizes and lives until told to stop.

const { parentPort, workerData } = require('node:worker_threads');
const { Cache } = require('../../index.js');

const { options, seed, stop } = workerData;
const stopped = new Int32Array(stop);
const cache = new Cache(options);

// A small generator of its own, so that the threads differ and a run can be repeated.
let state = seed;
function random(below) {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return state % below;
}

const lives = [0.02, 0.1, 0.5, 2, '1m', '1h', Infinity, Infinity];
const texts = [30, 200, 1000, 4000, 20_000].map((size) => 'x'.repeat(size));
const buffers = [100, 3000, 50_000].map((size) => Buffer.alloc(size, 1));

async function step() {
  const key = `key ${random(60_000)}`;
  const ttl = lives[random(lives.length)];
  const kind = random(20);
  if (kind < 10) {
    const text = texts[random(texts.length)];
    written += text.length;
    await cache.put(key, text, ttl);
  } else if (kind < 13) {
    const buffer = buffers[random(buffers.length)];
    written += buffer.length;
    await cache.put(key, buffer, ttl);
  } else if (kind < 15) {
    const text = texts[random(3)];
    written += text.length;
    await cache.tags([`tag ${random(100)}`]).put(key, text, ttl);
  } else if (kind < 18) await cache.get(key);
  else if (kind === 18) await cache.forget(key);
  else await cache.remember(key, ttl, () => texts[random(3)]);
}

let written = 0;
let steps = 0;

async function work() {
  while (Atomics.load(stopped, 0) === 0) {
    for (let i = 0; i < 200; i += 1) await step();
    steps += 200;
    if (random(50) === 0) await cache.tags([`tag ${random(100)}`]).flush();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  parentPort.postMessage({ written, steps });
}

parentPort.once('message', () => {
  work().catch((error) => parentPort.postMessage({ error: String(error?.stack ?? error) }));
});
parentPort.postMessage('ready');
