/**
 * Child program: entries with two tags, their flush by tag, and counters. Answers with
 * `{ rows: { [contender]: { taggedPut, taggedGet, flush, increment } } }` in nanoseconds.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../child.mjs';
import { FLOOR } from '../contenders.mjs';
import { interleave } from '../rounds.mjs';
import { shuffled, smallKey, smallObject } from '../values.mjs';
import { ENTRIES_OF_TAG, contenders, groupOf } from './contenders.mjs';

/** More room than entries, so that no contender evicts while it is measured. */
const ROOM = 2;

await serve(async ({ keys: count, rounds, warmup, flushRounds }) => {
  const order = Array.from(shuffled(count));
  const keys = order.map(smallKey);
  const values = order.map(smallObject);
  const counters = order.map((index) => `count:${index}`);
  const groups = Array.from({ length: count / ENTRIES_OF_TAG }, (_, at) => groupOf(at * ENTRIES_OF_TAG));
  const byKey = new Map(keys.map((key, at) => [key, values[at]]));
  const load = async (key) => structuredClone(byKey.get(key));

  const tasks = { taggedPut: [], taggedGet: [], increment: [], flush: [] };
  const opened = [];
  for (const { name, open } of contenders) {
    const cache = await open({ entries: count * ROOM, load });
    const fill = async (list) => {
      for (const index of list) {
        if (cache.put) await cache.put(smallKey(index), smallObject(index), index);
        else await cache.get?.(smallKey(index));
      }
    };
    if (name !== FLOOR) await check(name, cache, fill, order);
    const add = (operation, call, asked, extra) => {
      if (!call) return;
      const task = { id: `${operation} ${name}`, kind: 'awaited', operation: call, keys: asked, values };
      tasks[operation].push({ ...task, ...extra });
    };
    add('taggedPut', cache.put && ((key, value) => cache.put(key, value, value.id - 100_000)), keys);
    add('taggedGet', cache.get, keys);
    add('increment', cache.increment, counters);
    // What is flushed must be there: each slice is filled anew, untimed.
    add('flush', cache.flush, groups, {
      prepare: (start, end) =>
        fill(Array.from({ length: (end - start) * ENTRIES_OF_TAG }, (_, at) => start * ENTRIES_OF_TAG + at)),
    });
    opened.push(cache);
  }

  const rows = {};
  for (const [operation, list] of Object.entries(tasks)) {
    // Last, because the caches are not full of valid entries afterwards.
    const lengths = operation === 'flush' ? { rounds: flushRounds, warmup: 1 } : { rounds, warmup };
    for (const [id, result] of Object.entries(await interleave(list, lengths))) {
      (rows[id.slice(operation.length + 1)] ??= {})[operation] = result;
    }
  }
  for (const cache of opened) await cache.close?.();
  return { rows };
});

/** Proves that entries are held, that a flush takes those of its tag and no others, and that counters count. */
async function check(name, cache, fill, order) {
  if (cache.get) {
    await fill(order);
    // Some order a flush and a write by a clock of milliseconds.
    await sleep(5);
    for (const index of order) {
      deepStrictEqual(await cache.get(smallKey(index)), smallObject(index), `${name}: tagged get`);
    }
    await cache.flush(groupOf(0));
    if (cache.put) {
      deepStrictEqual((await cache.get(smallKey(0))) ?? null, null, `${name}: what was flushed is gone`);
    }
    const beside = ENTRIES_OF_TAG;
    deepStrictEqual(await cache.get(smallKey(beside)), smallObject(beside), `${name}: the others stay`);
    await sleep(5);
    await fill(order.filter((index) => index < ENTRIES_OF_TAG));
  }
  if (cache.increment) {
    for (const expected of [1, 2, 3]) deepStrictEqual(await cache.increment('check'), expected, name);
  }
}
