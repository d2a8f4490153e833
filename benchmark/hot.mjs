/**
 * The hot tier by itself: `node benchmark/hot.mjs [--rounds 40] [--json]`.
 *
 * Hits of `get` and `remember` in both isolations, beside an awaited promise, lru-cache and bentocache, for values of
 * several sizes; then reads by one and by four worker threads, of one named store and of an lru-cache in each. Every
 * isolation is measured in a process of its own, as an app has one; the peers go with each.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { interleave } from './rounds.mjs';
import { shuffled, smallKey, smallObject } from './values.mjs';

const HERE = fileURLToPath(import.meta.url);
const HOUR_MS = 3_600_000;

/** What is stored: how many keys, and the value of each. */
const SHAPES = {
  '154 bytes': { keys: 10_000, value: smallObject },
  '2 KB, nested': { keys: 1000, value: (index) => nested(index, 26) },
  '20 KB, nested': { keys: 100, value: (index) => nested(index, 270) },
  text: { keys: 10_000, value: (index) => `a text of forty letters, more or less ${index}` },
  number: { keys: 10_000, value: (index) => index * 1.5 },
};

function nested(index, items) {
  const item = (at) => ({
    id: index + at,
    name: `item ${at}`,
    tags: ['a', 'b'],
    size: { w: 1, h: 2 },
    price: 9.5,
  });
  return { total: items, items: Array.from({ length: items }, (_, at) => item(at)) };
}

/** The limits; `of` divides, both in nanoseconds a call. */
const BARS = [
  {
    text: '`frozen` hit, of an awaited resolved promise',
    mode: 'frozen',
    of: ['get', 'resolved'],
    most: 1.3,
  },
  { text: "`frozen` hit, of lru-cache's", mode: 'frozen', of: ['get', 'lru-cache'], most: 1 },
  { text: '`copy` hit, of an awaited resolved promise', mode: 'copy', of: ['get', 'resolved'], most: 4 },
  { text: "`copy` hit, of bentocache's", mode: 'copy', of: ['get', 'bentocache'], most: 0.1 },
  { text: '`remember`, `frozen`, of `get`', mode: 'frozen', of: ['remember', 'get'], most: 1.3 },
  { text: '`remember`, `copy`, of `get`', mode: 'copy', of: ['remember', 'get'], most: 1.3 },
];

const [, , role, ...args] = process.argv;
if (!isMainThread) await read(workerData);
else if (role === 'isolation') process.send(await isolation(...args));
else await main();

async function main() {
  const rounds = process.argv.includes('--rounds')
    ? process.argv[process.argv.indexOf('--rounds') + 1]
    : '40';
  const results = {};
  for (const mode of ['frozen', 'copy']) results[mode] = await child(mode, rounds);
  const threads = [];
  for (const kind of ['ferrocache', 'lru-cache']) {
    for (const count of [1, 2, 4]) threads.push(await byThreads(kind, count));
  }
  const bars = BARS.map(({ text, mode, of: [part, whole], most }) => {
    const rows = results[mode]['154 bytes'];
    return { text, most, measured: rows[part] / rows[whole] };
  });
  if (process.argv.includes('--json')) console.log(JSON.stringify({ results, threads, bars }));
  else show(results, threads, bars);
}

function child(mode, rounds) {
  return new Promise((resolve, reject) => {
    const process = fork(HERE, ['isolation', mode, rounds], { execArgv: ['--expose-gc'] });
    process.once('message', resolve);
    process.once('exit', (code) => code !== 0 && reject(new Error(`the child ended with ${code}`)));
  });
}

/** The medians of one isolation, by shape and call. */
async function isolation(mode, rounds) {
  const { Cache } = await import('../index.js');
  const { LRUCache } = await import('lru-cache');
  const { BentoCache, bentostore } = await import('bentocache');
  const { memoryDriver } = await import('bentocache/drivers/memory');
  const results = {};
  for (const [shape, { keys: count, value }] of Object.entries(SHAPES)) {
    const order = Array.from(shuffled(count));
    const keys = order.map(smallKey);
    const values = order.map(value);
    const cache = new Cache({ config: { isolation: mode, maxSizeBytes: 256 * 1024 * 1024 } });
    const lru = new LRUCache({ max: count * 2, ttl: HOUR_MS });
    const layer = bentostore().useL1Layer(memoryDriver({ maxItems: count * 2 }));
    const bento = new BentoCache({ default: 'memory', ttl: HOUR_MS, stores: { memory: layer } });
    for (const [at, key] of keys.entries()) {
      await cache.put(key, values[at]);
      lru.set(key, structuredClone(values[at]));
      await bento.set({ key, value: values[at] });
    }
    const resolved = Promise.resolve(null);
    const load = () => {
      throw new Error('a hit ran its factory');
    };
    const calls = {
      resolved: () => resolved,
      // The value of each key out of an array: no cache can do less.
      'resolved, the value': (_, given) => Promise.resolve(given),
      get: (key) => cache.get(key),
      remember: (key) => cache.remember(key, () => load(key)),
      'lru-cache': async (key) => lru.get(key),
      bentocache: (key) => bento.get({ key }),
    };
    const tasks = Object.entries(calls).map(([id, operation]) => ({
      id: `${id} ${shape}`,
      kind: 'awaited',
      operation,
      keys,
      values,
    }));
    const summaries = await interleave(tasks, { rounds: Number(rounds), warmup: 10 });
    results[shape] = Object.fromEntries(
      Object.entries(summaries).map(([id, { median }]) => [id.slice(0, -shape.length - 1), median]),
    );
    await cache.close();
    await bento.disconnectAll();
  }
  return results;
}

/** Reads a second by so many threads together, and what the process grew by for it. */
async function byThreads(kind, count) {
  const before = process.memoryUsage().rss;
  const workers = Array.from({ length: count }, () => new Worker(HERE, { workerData: { kind } }));
  const answer = async (worker) => (await once(worker, 'message'))[0];
  await Promise.all(workers.map(answer));
  const grown = process.memoryUsage().rss - before;
  for (const worker of workers) worker.postMessage('go');
  const rates = await Promise.all(workers.map(answer));
  await Promise.all(workers.map((worker) => worker.terminate()));
  return { kind, threads: count, perSecond: rates.reduce((sum, rate) => sum + rate, 0), bytes: grown };
}

/** A worker: fills what it reads, and reads for a second when it is told to. */
async function read({ kind }) {
  const count = 50_000;
  const order = Array.from(shuffled(count));
  const keys = order.map(smallKey);
  let get;
  if (kind === 'ferrocache') {
    const { Cache } = await import('../index.js');
    const cache = new Cache({ name: 'hot-threads', config: { isolation: 'frozen' } });
    for (const [at, key] of keys.entries()) await cache.add(key, smallObject(order[at]));
    get = (key) => cache.get(key);
  } else {
    const { LRUCache } = await import('lru-cache');
    const lru = new LRUCache({ max: count, ttl: HOUR_MS });
    for (const [at, key] of keys.entries()) lru.set(key, smallObject(order[at]));
    get = async (key) => lru.get(key);
  }
  // A tenth of the keys takes all reads, as the hot ones of a store do.
  const hot = keys.slice(0, count / 10);
  for (let round = 0; round < 20; round += 1) for (const key of hot) await get(key);
  parentPort.postMessage('ready');
  await once(parentPort, 'message');
  const begin = performance.now();
  let reads = 0;
  while (performance.now() - begin < 1000) {
    for (const key of hot) await get(key);
    reads += hot.length;
  }
  parentPort.postMessage((reads * 1000) / (performance.now() - begin));
}

function show(results, threads, bars) {
  const shapes = Object.keys(SHAPES);
  for (const [mode, rows] of Object.entries(results)) {
    console.log(`\nisolation: '${mode}', nanoseconds a call (median)\n`);
    console.log(`| | ${shapes.join(' | ')} |\n| --- | ${shapes.map(() => '---:').join(' | ')} |`);
    for (const call of Object.keys(rows[shapes[0]])) {
      const cells = shapes.map((shape) => Math.round(rows[shape][call]));
      console.log(`| ${call} | ${cells.join(' | ')} |`);
    }
  }
  console.log(`\n| reads by threads (${availableParallelism()} cores) | threads | reads a second | memory |`);
  console.log('| --- | ---: | ---: | ---: |');
  for (const { kind, threads: count, perSecond, bytes } of threads) {
    const mib = `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    console.log(`| ${kind} | ${count} | ${Math.round(perSecond).toLocaleString('en')} | ${mib} |`);
  }
  console.log('\n| bar | limit | measured | |\n| --- | ---: | ---: | --- |');
  for (const { text, most, measured } of bars) {
    console.log(
      `| ${text} | ≤ ${most} × | ${measured.toFixed(2)} × | ${measured <= most ? 'met' : 'missed'} |`,
    );
  }
}
