'use strict';

// Every kind of operation, and what an app sees of each: with a server, and without one.

const assert = require('node:assert/strict');

/**
 * @typedef {object} Operation
 * @property {(cache: any, key: string) => Promise<unknown>} run
 * @property {(cache: any, key: string) => Promise<unknown>} [before] what must be there for `up`
 * @property {unknown} up the answer of a server that holds what `before` put there
 * @property {unknown} [empty] the answer of a server that does not hold it, where that is another one
 * @property {unknown} [open] the answer without a server, where the operation fails open; else it rejects
 * @property {string} [event] the operation that the `error` event then names
 * @property {number} [steps] how often the operation may wait for a server, one time-out each
 * @property {boolean} [writes] needs memory on the server
 */

const value = { some: 'value', at: new Date(0) };
const put = (cache, key) => cache.put(key, value, '1m');
const computed = async () => value;

async function listed(cache) {
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  return keys;
}

/** @type {Record<string, Operation>} */
const operations = {
  get: { run: (cache, key) => cache.get(key), before: put, up: value, empty: null, open: null, event: 'get' },
  has: {
    run: (cache, key) => cache.has(key),
    before: put,
    up: true,
    empty: false,
    open: false,
    event: 'has',
  },
  many: {
    run: async (cache, key) => [...(await cache.many([key, `${key}:none`])).values()],
    before: put,
    up: [value, null],
    empty: [null, null],
    open: [null, null],
    event: 'many',
  },
  put: { run: put, up: undefined, open: undefined, event: 'put', writes: true },
  set: {
    run: (cache, key) => cache.set(key, value, '1m'),
    up: true,
    open: false,
    event: 'set',
    writes: true,
  },
  putMany: {
    run: (cache, key) => cache.putMany({ [key]: 1, [`${key}:2`]: 2 }, '1m'),
    up: undefined,
    open: undefined,
    event: 'putMany',
    writes: true,
  },
  'tagged put': {
    run: (cache, key) => cache.tags([`${key}:tag`]).put(key, value, '1m'),
    up: undefined,
    open: undefined,
    event: 'put',
    writes: true,
  },
  remember: {
    run: (cache, key) => cache.remember(key, '1m', computed),
    up: value,
    open: value,
    event: 'remember',
    steps: 2,
    writes: true,
  },
  'tagged remember': {
    run: (cache, key) => cache.tags([`${key}:tag`]).remember(key, '1m', computed),
    up: value,
    open: value,
    event: 'remember',
    steps: 2,
    writes: true,
  },
  add: { run: (cache, key) => cache.add(key, 1, '1m'), up: true, writes: true },
  increment: { run: (cache, key) => cache.increment(key, 2, '1m'), up: 2, writes: true },
  decrement: { run: (cache, key) => cache.decrement(key, 2, '1m'), up: -2, writes: true },
  lock: {
    run: async (cache, key) => {
      const { acquired, release } = await cache.lock(key, { ttl: '1m', wait: 0 });
      await release().catch(() => {});
      return acquired;
    },
    up: true,
    steps: 2,
    writes: true,
  },
  lockAndRun: {
    run: (cache, key) => cache.lockAndRun(key, '1m', async () => 'ran'),
    up: 'ran',
    steps: 2,
    writes: true,
  },
  forget: { run: (cache, key) => cache.forget(key), before: put, up: true, empty: false },
  forgetMany: { run: (cache, key) => cache.forgetMany([key]), before: put, up: 1, empty: 0 },
  'tag flush': { run: (cache, key) => cache.tags([`${key}:tag`]).flush(), up: undefined, writes: true },
  flush: { run: (cache, key) => cache.namespace(key).flush(), up: undefined, steps: 2 },
  keys: {
    run: (cache, key) => listed(cache.namespace(key)),
    before: (cache, key) => cache.namespace(key).put('one', 1, '1m'),
    up: ['one'],
    empty: [],
    steps: 2,
  },
  ttl: {
    run: async (cache, key) => Math.ceil(((await cache.ttl(key)) ?? 0) / 60),
    before: put,
    up: 1,
    empty: 0,
  },
  touch: { run: (cache, key) => cache.touch(key, '2m'), before: put, up: true, empty: false },
  pull: { run: (cache, key) => cache.pull(key), before: put, up: value, empty: null },
};

let rounds = 0;

/**
 * One operation of every kind at the same time, each on a key of its own.
 *
 * @param {any} cache
 * @param {(name: string) => boolean} [chosen]
 * @param {{ prepared?: boolean }} [options] whether what the operations need is put there first
 */
async function round(cache, chosen = () => true, { prepared = false } = {}) {
  const id = `round:${(rounds += 1)}`;
  const names = Object.keys(operations).filter(chosen);
  const key = (name) => `${id}:${name.replace(' ', '-')}`;
  if (prepared) {
    await Promise.all(names.map((name) => operations[name].before?.(cache, key(name))));
  }
  return Promise.all(
    names.map(async (name) => {
      const started = performance.now();
      const record = { name, key: key(name), millis: 0, value: undefined, error: undefined };
      try {
        record.value = await operations[name].run(cache, record.key);
      } catch (error) {
        record.error = error;
      }
      record.millis = performance.now() - started;
      return record;
    }),
  );
}

const same = (one, other) => {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
};

/** Whether the app saw what it sees of a server that answers. */
function isUp({ name, value: got, error }, { prepared = false } = {}) {
  const operation = operations[name];
  if (error !== undefined) return false;
  return same(got, operation.up) || (!prepared && 'empty' in operation && same(got, operation.empty));
}

/** Whether the app saw what it is to see without a server. */
function isDown({ name, value: got, error }, { failOpen }) {
  const operation = operations[name];
  if (failOpen && operation.event !== undefined) return error === undefined && same(got, operation.open);
  return error !== undefined && ['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'].includes(error.code);
}

module.exports = { isDown, isUp, operations, round };
