'use strict';

/**
 * One client: random operations, one after the other, on keys that all clients share.
 *
 * The values live in `data`, which is flushed; the counters in `counts`, another prefix of the same store, which
 * is not: so a flush that takes more than its prefix is a lost count. Nothing here waits for somebody else's
 * doing; the pauses are the clients' own, and make the operations overlap in ever new ways.
 */

const { setImmediate: turn, setTimeout: sleep } = require('node:timers/promises');

const KEYS = ['a', 'b', 'c', 'd:1', 'e*', 'f'];
const TAGS = ['red', 'green', 'blue'];
/** Each counter goes one way only: so its steps can be told from its values. */
const COUNTERS = { up: 'increment', down: 'decrement' };
const LOCKS = ['door', 'gate'];
const LOCK_TTL = 400;
const PLANNED = 'planned failure';

/**
 * @typedef {object} Client
 * @property {string} process
 * @property {number} number
 * @property {any} data a cache
 * @property {any} counts a cache
 * @property {import('./history.js').Recorder} recorder
 * @property {import('./random.js').Random} random
 * @property {() => boolean} stopped
 * @property {(where: 'factory' | 'lock') => void} mortal called where a process may have to die
 * @property {boolean} lateTags whether factories name tags at their end
 * @property {number} pace how many times as long factories take, and locks live
 */

/** Values are unique: each says who made it. */
let made = 0;

/** @param {Client} client */
async function work(client) {
  const { random } = client;
  while (!client.stopped()) {
    const operation = random.weigh(OPERATIONS);
    await operation(client);
    if (random.chance(0.5)) await sleep(random.next() * 4);
    else await turn();
  }
}

/** @type {readonly (readonly [number, (client: Client) => Promise<void>])[]} */
const OPERATIONS = [
  [40, remember],
  [22, get],
  [7, put],
  [7, forget],
  [3, flushTags],
  [1, flush],
  [9, count],
  [3, readCount],
  [4, lock],
  [4, lockAndRun],
];

/** @param {Client} client */
function remember(client) {
  const { data, recorder, random, number } = client;
  const key = random.pick(KEYS);
  const tags = random.some(TAGS, 0.25);
  return recorder.perform({ client: number, op: 'remember', key, tags }, async (id) => {
    const factory = (/** @type {any} */ context) => compute(client, id, key, tags, context);
    // Both forms are one to the checker.
    const value =
      tags.length > 0 && random.chance(0.5)
        ? await data.tags(tags).remember(key, factory)
        : await data.remember(key, { tags }, factory);
    return { value: idOf(value) };
  });
}

/**
 * @param {Client} client
 * @param {number} id
 * @param {string} key
 * @param {readonly string[]} tags
 * @param {any} context
 */
async function compute(client, id, key, tags, context) {
  const { recorder, random, pace } = client;
  const value = newValue(client, key);
  recorder.note('run', { id, run: value.id, tags });
  client.mortal('factory');
  const late = client.lateTags && random.chance(0.1) ? random.some(TAGS, 0.5) : [];
  const fails = random.chance(0.03);
  if (random.chance(0.3)) await sleep(pace * (5 + random.next() * 20));
  else if (random.chance(0.8)) await sleep(pace * random.next() * 5);
  if (late.length > 0) context?.setTags([...tags, ...late]);
  recorder.note('ran', { id, run: value.id, tags: late, returned: !fails });
  if (fails) throw new Error(PLANNED);
  return value;
}

/** @param {Client} client */
function get({ data, recorder, random, number }) {
  const key = random.pick(KEYS);
  return recorder.perform({ client: number, op: 'get', key }, async () => ({
    value: idOf(await data.get(key)),
  }));
}

/** @param {Client} client */
function put(client) {
  const { data, recorder, random, number } = client;
  const key = random.pick(KEYS);
  const tags = random.some(TAGS, 0.25);
  const value = newValue(client, key);
  return recorder.perform({ client: number, op: 'put', key, tags, value: value.id }, async () => {
    if (tags.length > 0) await data.tags(tags).put(key, value);
    else await data.put(key, value);
    return {};
  });
}

/** @param {Client} client */
function forget({ data, recorder, random, number }) {
  const key = random.pick(KEYS);
  return recorder.perform({ client: number, op: 'forget', key }, async () => {
    await data.forget(key);
    return {};
  });
}

/** @param {Client} client */
function flushTags({ data, recorder, random, number }) {
  const tags = random.some(TAGS, 0.2);
  if (tags.length === 0) tags.push(random.pick(TAGS));
  return recorder.perform({ client: number, op: 'flushTags', key: '', tags }, async () => {
    await data.tags(tags).flush();
    return {};
  });
}

/** @param {Client} client */
function flush({ data, recorder, number }) {
  return recorder.perform({ client: number, op: 'flush', key: '' }, async () => {
    await data.flush();
    return {};
  });
}

/** @param {Client} client */
function count({ counts, recorder, random, number }) {
  const [key, way] = random.pick(Object.entries(COUNTERS));
  const size = 1 + random.below(9999);
  const step = way === 'increment' ? size : -size;
  return recorder.perform({ client: number, op: 'count', key, step }, async () => ({
    value: await counts[way](key, size, '1d'),
  }));
}

/** @param {Client} client */
function readCount({ counts, recorder, random, number }) {
  const key = random.pick(Object.keys(COUNTERS));
  return recorder.perform({ client: number, op: 'read', key }, async () => ({
    value: await counts.get(key),
  }));
}

const termsOf = (/** @type {number} */ ttl) => ({ ttl: ttl / 1000, wait: 0.3, retryInterval: 2 });

/** @param {Client} client */
function lock(client) {
  const { data, recorder, random, number, pace } = client;
  const key = random.pick(LOCKS);
  const life = LOCK_TTL * pace;
  return recorder.perform({ client: number, op: 'lock', key, ttl: life * 1e6 }, async (id) => {
    const terms = termsOf(life);
    const held = await data.lock(key, random.chance(0.2) ? { ...terms, maxRetries: 0 } : terms);
    if (!held.acquired) return { refused: true };
    await hold(client, id, held.token, random.next() * 8);
    return { released: await held.release() };
  });
}

/** @param {Client} client */
function lockAndRun(client) {
  const { data, recorder, random, number, pace } = client;
  const key = random.pick(LOCKS);
  const life = LOCK_TTL * pace;
  return recorder.perform({ client: number, op: 'lock', key, ttl: life * 1e6, renewed: true }, async (id) => {
    /** @type {AbortSignal | undefined} */
    let signal;
    try {
      await data.lockAndRun(key, termsOf(life), (/** @type {any} */ context) => {
        ({ signal } = context);
        // Now and then longer than a lock lives: it is renewed.
        return hold(client, id, context.token, random.chance(0.02) ? life * 1.5 : random.next() * 8);
      });
    } catch (error) {
      if (/** @type {any} */ (error).code === 'CACHE_LOCK_TIMEOUT') return { refused: true };
      throw error;
    }
    // Whether the lock was ours to the end is known when the release was answered, and said by the signal.
    return { released: signal?.aborted === false };
  });
}

/**
 * @param {Client} client
 * @param {number} id
 * @param {number} token
 * @param {number} millis
 */
async function hold(client, id, token, millis) {
  client.recorder.note('hold', { id, token });
  client.mortal('lock');
  await sleep(millis);
  client.recorder.note('drop', { id });
}

/**
 * @param {Client} client
 * @param {string} key
 */
function newValue({ process: name }, key) {
  made += 1;
  return { id: `${key}#${name}.${made}`, key, text: 'x'.repeat(made % 64) };
}

/**
 * What a history says of a value that was read: its id, or all of it where it is no value of ours.
 *
 * @param {any} value
 */
function idOf(value) {
  if (value === null) return null;
  const whole =
    typeof value?.id === 'string' && value.text === 'x'.repeat(Number(value.id.split('.').at(-1)) % 64);
  return whole ? value.id : (JSON.stringify(value) ?? String(value));
}

module.exports = { COUNTERS, PLANNED, work };
