/**
 * Child program: one operation after another, awaited, for each contender. Answers with
 * `{ rows: { [contender]: { get, put, miss, remember, isolates } } }` in nanoseconds.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { serve } from './child.mjs';
import { FLOOR, contenders } from './contenders.mjs';
import { interleave } from './rounds.mjs';
import { missingKey, shuffled, smallKey, smallObject } from './values.mjs';

/** More room than entries, so that no contender evicts while it is measured. */
const ROOM = 2;

await serve(async ({ keys: count, rounds, warmup }) => {
  const order = Array.from(shuffled(count));
  const keys = order.map(smallKey);
  const missing = order.map(missingKey);
  const values = order.map(smallObject);
  const expected = new Map(keys.map((key, at) => [key, values[at]]));

  const tasks = { get: [], put: [], miss: [], remember: [] };
  const rows = {};
  const opened = [];
  for (const { name, open } of contenders) {
    let loads = 0;
    // A copy: who stores a reference must not store the object that the check compares with.
    const load = async (key) => {
      loads += 1;
      return structuredClone(expected.get(key));
    };
    const cache = await open({ entries: count * ROOM, load });
    if (name !== FLOOR) {
      rows[name] = { isolates: await check(name, cache, keys, expected, () => loads) };
    }
    const add = (operation, call, askedKeys) => {
      if (!call) return;
      const id = `${operation} ${name}`;
      tasks[operation].push({ id, kind: 'awaited', operation: call, keys: askedKeys, values });
    };
    add('get', cache.get, keys);
    add('put', cache.put, keys);
    add('miss', cache.get, missing);
    add('remember', cache.remember, keys);
    opened.push({ name, cache, loads: () => loads });
  }
  const loadsBefore = opened.map(({ loads }) => loads());

  for (const [operation, list] of Object.entries(tasks)) {
    const summaries = await interleave(list, { rounds, warmup });
    for (const [id, result] of Object.entries(summaries)) {
      const name = id.slice(operation.length + 1);
      (rows[name] ??= {})[operation] = result;
    }
  }

  for (const [at, { name, cache, loads }] of opened.entries()) {
    const extra = loads() - loadsBefore[at];
    // A contender that lost entries was measured at something else than a hit.
    if (extra !== 0) throw new Error(`${name}: ${extra} "hits" of remember ran their factory`);
    await cache.close?.();
  }
  return { rows };
});

/** Fills the cache, proves that it works, and tells whether a reader may change what he read. */
async function check(name, cache, keys, expected, loads) {
  for (const key of keys) {
    await cache.put?.(key, structuredClone(expected.get(key)));
    await cache.remember?.(key);
  }
  const before = loads();
  for (const key of keys) {
    if (cache.get) deepStrictEqual(await cache.get(key), expected.get(key), `${name}: get`);
    if (cache.remember) deepStrictEqual(await cache.remember(key), expected.get(key), `${name}: remember`);
  }
  if (loads() !== before) throw new Error(`${name} does not hold ${keys.length} entries`);
  if (cache.get) deepStrictEqual((await cache.get(missingKey(0))) ?? null, null, `${name}: miss`);

  const read = cache.get ?? cache.remember;
  const mutated = await read(keys[0]);
  const name0 = mutated.name;
  mutated.name = 'changed by a reader';
  const isolates = (await read(keys[0])).name === name0;
  mutated.name = name0;
  return isolates;
}
