'use strict';

// One worker of churn.js: it opens caches, keeps them busy in every way at once, says so, and never
// stops by itself. It is terminated in the middle.

const { parentPort, workerData } = require('node:worker_threads');
const { Cache } = require('../../index.js');

const { name, id } = workerData;
const shared = new Cache({ name, config: { maxSize: 500 } });
const own = new Cache({ config: { maxSizeBytes: 200_000 } });
for (const cache of [shared, own]) {
  for (const event of ['hit', 'write', 'evict', 'expire', 'error']) cache.on(event, () => {});
}

const body = { text: 'x'.repeat(200), at: new Date(0), buffer: Buffer.alloc(300) };
let turn = 0;
let told = false;

async function busy(cache) {
  for (;;) {
    turn += 1;
    const key = `k${turn % 50}`;
    await Promise.all([
      cache.put(key, body, turn % 3 === 0 ? 0.01 : '1h'),
      cache.get(key),
      cache.tags([`t${turn % 5}`]).put(`tagged ${key}`, turn),
      cache.remember(`r${turn % 7}`, '1s', async () => body),
      cache.increment('n'),
      cache
        .lockAndRun(`l${turn % 3}`, { ttl: '1h', maxRetries: 1, retryInterval: 1 }, () => turn)
        .catch(() => {}),
    ]);
    if (turn % 20 === 0) await cache.tags([`t${turn % 5}`]).flush();
    if (turn >= 10 && !told) {
      told = true;
      parentPort.postMessage('busy');
    }
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

// What a terminated worker leaves half done: a factory that runs, a wait for another thread's
// factory, locks held, a wait for a lock.
shared.remember('everybody', () => new Promise(() => {})).catch(() => {});
shared.remember(`own ${id}`, () => new Promise(() => {})).catch(() => {});
shared.lock(`held ${id}`, '1h').catch(() => {});
shared.lock('contended', { ttl: '1h', wait: '1h', maxRetries: 1e6 }).catch(() => {});
Promise.all([busy(shared), busy(own)]).catch((error) => {
  parentPort.postMessage({ error: String(error?.stack ?? error) });
});
