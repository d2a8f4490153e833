'use strict';

// One thread of an instance: a cache in two tiers, which it shares with the other threads of its process, and clients
// that read much and write little, on keys that all instances share. What they did goes to a file.

const { setImmediate: turn, setTimeout: sleep } = require('node:timers/promises');
const { parentPort, workerData } = require('node:worker_threads');

const { Cache } = require('../../../index.js');
const { Recorder } = require('../../histories/history.js');
const { Random } = require('../../histories/random.js');
const { deferred } = require('../../support/deferred.js');
const { until } = require('../../support/wait.js');

/** Many keys are changed now and then, so that what is kept is old enough to be wrong; a few all the time. */
const CALM = Array.from({ length: 200 }, (_, at) => `calm:${at}`);
const HOT = ['a', 'b', 'c'];
const TAGS = ['red', 'green', 'blue', 'grey', 'pink', 'teal'];

/** Values are unique: each says who wrote it. */
let made = 0;
let stopping = false;

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/**
 * @typedef {object} Client
 * @property {any} cache
 * @property {string} thread
 * @property {Recorder} recorder
 * @property {Random} random
 */

const anyKey = (random) => (random.chance(0.3) ? random.pick(HOT) : random.pick(CALM));
const idOf = (value) => (value === null ? null : (value?.id ?? JSON.stringify(value)));

/** @param {Client} client */
function newValue({ thread, random }, key) {
  made += 1;
  return { id: `${key}#${thread}.${made}`, text: 'x'.repeat(random.below(64)) };
}

/** @param {Client} client */
function get({ cache, recorder, random }, fresh = false) {
  const key = anyKey(random);
  return recorder.perform({ op: 'get', key, fresh }, async () => ({
    value: idOf(await (fresh ? cache.get(key, { fresh }) : cache.get(key))),
  }));
}

/** Each part is a read of its own to the checker. @param {Client} client */
async function many({ cache, recorder, random }) {
  const keys = [...new Set([anyKey(random), anyKey(random), anyKey(random)])];
  // All are noted before it is asked.
  const noted = deferred();
  const part = (key) =>
    recorder.perform({ op: 'get', key, many: true }, async () => {
      const found = await noted.promise;
      return { value: idOf(found.get(key)) };
    });
  const parts = keys.map(part);
  cache.many(keys).then(noted.resolve, noted.reject);
  await Promise.all(parts);
}

/** @param {Client} client */
function remember(client) {
  const { cache, recorder, random } = client;
  const key = anyKey(random);
  const tags = random.some(TAGS, 0.1);
  return recorder.perform({ op: 'remember', key, tags }, async (id) => {
    const factory = async () => {
      const value = newValue(client, key);
      recorder.note('run', { id, run: value.id, tags });
      if (random.chance(0.5)) await sleep(random.next() * 5);
      recorder.note('ran', { id, run: value.id, tags: [], returned: true });
      return value;
    };
    return { value: idOf(await cache.remember(key, { tags }, factory)) };
  });
}

/** @param {Client} client */
function put(client) {
  const { cache, recorder, random } = client;
  const key = anyKey(random);
  const tags = random.some(TAGS, 0.1);
  const value = newValue(client, key);
  return recorder.perform({ op: 'put', key, tags, value: value.id }, async () => {
    await (tags.length > 0 ? cache.tags(tags).put(key, value) : cache.put(key, value));
    return {};
  });
}

/** @param {Client} client */
function forget({ cache, recorder, random }) {
  const key = anyKey(random);
  return recorder.perform({ op: 'forget', key }, async () => {
    await cache.forget(key);
    return {};
  });
}

/** @param {Client} client */
function flushTags({ cache, recorder, random }) {
  const tags = [random.pick(TAGS)];
  return recorder.perform({ op: 'flushTags', key: '', tags }, async () => {
    await cache.tags(tags).flush();
    return {};
  });
}

/** @param {Client} client */
function flush({ cache, recorder }) {
  return recorder.perform({ op: 'flush', key: '' }, async () => {
    await cache.flush();
    return {};
  });
}

/** @type {readonly (readonly [number, (client: Client) => Promise<void>])[]} */
const OPERATIONS = [
  [600, get],
  [20, (client) => get(client, true)],
  [60, many],
  [120, remember],
  [60, put],
  [8, forget],
  [2, flushTags],
  [0.2, flush],
];

/** @param {Client} client */
async function work(client) {
  const { random } = client;
  while (!stopping) {
    await random.weigh(OPERATIONS)(client);
    if (random.chance(0.3)) await sleep(random.next() * 4);
    else await turn();
  }
}

async function main({ options, file, epoch, thread, seed, clients }) {
  const recorder = new Recorder(file, BigInt(epoch));
  const cache = new Cache(options);
  cache.on('error', () => {});
  // The time-outs are short, and a machine on which all start at once is slow.
  await until('the server answers', () => cache.ready().then(() => true));
  await until('the upper tier is believed', async () => (await cache.stats()).memory?.trusted, { every: 2 });
  const told = new Promise((resolve) => {
    port.on('message', (message) => {
      if (message.stop) stopping = true;
      if (message.go) resolve(undefined);
    });
  });
  port.postMessage({ ready: true });
  await told;
  const one = (_, at) => work({ cache, thread, recorder, random: new Random(seed + at * 7919) });
  await Promise.all(Array.from({ length: clients }, one));
  const stats = await cache.stats();
  await cache.close();
  recorder.close();
  port.postMessage({ done: true, stats });
  port.close();
}

main(workerData);
