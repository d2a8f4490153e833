/**
 * Child program: reads by some worker threads at once, of one named store or of an lru-cache in each. Answers with
 * `{ perSecond, bytes }`: the reads of all threads together, and what the process grew by for threads and values.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { collect, serve } from '../child.mjs';
import { shuffled, smallKey, smallObject } from '../values.mjs';

const HERE = fileURLToPath(import.meta.url);
const HOUR_MS = 3_600_000;
/** How often what is read was read before, for V8 to compile it. */
const WARMUP = 20;

if (isMainThread) await serve(together);
else await read(workerData);

async function together({ threads, ...input }) {
  await collect();
  const before = process.memoryUsage().rss;
  const workers = Array.from({ length: threads }, () => new Worker(HERE, { workerData: input }));
  const answer = async (worker) => (await once(worker, 'message'))[0];
  await Promise.all(workers.map(answer));
  const bytes = process.memoryUsage().rss - before;
  const answers = workers.map(answer);
  for (const worker of workers) worker.postMessage('go');
  const rates = await Promise.all(answers);
  return { perSecond: rates.reduce((sum, rate) => sum + rate, 0), bytes };
}

/** A worker: fills what it reads, and reads for so many seconds when it is told to. */
async function read({ name, keys: count, seconds }) {
  const order = Array.from(shuffled(count));
  const keys = order.map(smallKey);
  const { add, get } = await open(name, count);
  for (const [at, key] of keys.entries()) await add(key, smallObject(order[at]));
  // A tenth of the keys takes all reads, as the hot ones of a store do.
  const hot = keys.slice(0, count / 10);
  for (const [at, key] of hot.entries()) deepStrictEqual(await get(key), smallObject(order[at]), name);
  for (let round = 0; round < WARMUP; round += 1) for (const key of hot) await get(key);
  // What is weighed is what it holds, not what it threw away.
  await collect();
  const told = once(parentPort, 'message');
  parentPort.postMessage('ready');
  await told;
  const begin = performance.now();
  let reads = 0;
  while (performance.now() - begin < seconds * 1000) {
    for (const key of hot) await get(key);
    reads += hot.length;
  }
  parentPort.postMessage((reads * 1000) / (performance.now() - begin));
}

async function open(name, entries) {
  if (name === 'ferrocache') {
    const { Cache } = await import('../../index.js');
    const cache = new Cache({ name: 'hot-threads', config: { isolation: 'frozen' } });
    return { add: (key, value) => cache.add(key, value), get: (key) => cache.get(key) };
  }
  const { LRUCache } = await import('lru-cache');
  const lru = new LRUCache({ max: entries, ttl: HOUR_MS });
  return { add: (key, value) => lru.set(key, value), get: async (key) => lru.get(key) };
}
