/**
 * Child program: hits in one isolation, beside an awaited promise, lru-cache and bentocache, for values of several
 * shapes. Answers with `{ [shape]: { [call]: summary } }` in nanoseconds.
 */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { Cache } from '../../index.js';
import { serve } from '../child.mjs';
import { FLOOR, contender } from '../contenders.mjs';
import { interleave } from '../rounds.mjs';
import { shuffled, smallKey } from '../values.mjs';
import { keysOf, shapes } from './shapes.mjs';

/** More room than entries, so that no contender evicts while it is measured. */
const ROOM = 2;
const MAX_SIZE_BYTES = 256 * 1024 * 1024;
const PEERS = ['lru-cache', 'bentocache'];
const RESOLVED = 'resolved with the value';

await serve(async ({ isolation, keys, rounds, warmup }) => {
  const answer = {};
  for (const [shape, { value }] of Object.entries(shapes)) {
    const order = Array.from(shuffled(keysOf(shape, keys)));
    answer[shape] = await measure(isolation, shape, order.map(smallKey), order.map(value), {
      rounds,
      warmup,
    });
  }
  return answer;
});

async function measure(isolation, shape, keys, values, lengths) {
  const cache = new Cache({ config: { isolation, maxSizeBytes: MAX_SIZE_BYTES } });
  const load = () => {
    throw new Error('a hit ran its factory');
  };
  const resolved = Promise.resolve(null);
  const calls = {
    [FLOOR]: () => resolved,
    // The value of each key out of an array: no cache can do less.
    [RESOLVED]: (_, value) => Promise.resolve(value),
    get: (key) => cache.get(key),
    remember: (key) => cache.remember(key, () => load(key)),
  };
  const opened = [];
  for (const name of PEERS) {
    const peer = await contender(name).open({ entries: keys.length * ROOM });
    calls[name] = peer.get;
    opened.push(peer);
  }
  for (const [at, key] of keys.entries()) {
    await cache.put(key, values[at]);
    // A copy: who stores a reference must not store the object that the check compares with.
    for (const { put } of opened) await put(key, structuredClone(values[at]));
  }
  for (const [name, call] of Object.entries(calls)) {
    if (name !== FLOOR) await check(name, call, keys, values);
  }
  await isolated(isolation, calls.get, keys[0], values[0]);

  const tasks = Object.entries(calls).map(([name, operation]) => ({
    id: `${name} ${shape}`,
    kind: 'awaited',
    operation,
    keys,
    values,
  }));
  const summaries = await interleave(tasks, lengths);
  await cache.close();
  for (const { close } of opened) await close?.();
  return Object.fromEntries(Object.keys(calls).map((name) => [name, summaries[`${name} ${shape}`]]));
}

/** Proves that a call returns each of the values. */
async function check(name, call, keys, values) {
  for (const [at, key] of keys.entries()) deepStrictEqual(await call(key, values[at]), values[at], name);
}

/** Proves that what is measured has the isolation that its table names. */
async function isolated(isolation, get, key, value) {
  const read = await get(key);
  if (typeof read !== 'object') return;
  const frozen = isolation === 'frozen';
  ok(Object.isFrozen(read) === frozen, isolation);
  ok(((await get(key)) === read) === frozen, isolation);
  if (frozen) return;
  read.changed = 'by a reader';
  deepStrictEqual(await get(key), value, isolation);
}
