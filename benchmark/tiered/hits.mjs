/**
 * Child program: a hit of the memory driver, with and without its hot tier, beside a hit of the tiered driver's memory,
 * also with and without; with tags and without, one awaited after the other. Answers with `{ [kind]: summary }` in
 * nanoseconds.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from '../../index.js';
import { serve } from '../child.mjs';
import { interleave } from '../rounds.mjs';
import { shuffled, smallKey, smallObject } from '../values.mjs';

const TAGS = ['users', 'team:7'];
const PATIENCE_MS = 30_000;

await serve(async ({ host, port, keys: count, rounds, warmup }) => {
  const order = Array.from(shuffled(count));
  const values = order.map(smallObject);
  const asking = Array.from(shuffled(count, 2));
  const remote = { driver: 'redis', host, port };
  const opened = [];
  const open = (options) => {
    const cache = new Cache({ failOpen: false, ...options });
    opened.push(cache);
    return cache;
  };
  // Tagged entries have caches of their own: as many keys again would not fit the hot tier.
  const pair = (prefix) => ({
    memory: open({}),
    memoryCore: open({ config: { hot: false } }),
    tiered: open({ driver: 'tiered', config: { remote, prefix } }),
    tieredCore: open({
      driver: 'tiered',
      config: { remote, prefix: `core:${prefix}`, memory: { hot: false } },
    }),
  });

  const tasks = [];
  const tiered = [];
  for (const tags of [[], TAGS]) {
    const kind = tags.length === 0 ? 'plain' : 'tagged';
    const keys = order.map(smallKey);
    // Not in the order in which they were stored: how close to each other things lie that were made one after the
    // other is no property of a hit.
    const asked = asking.map((at) => keys[at]);
    for (const [tier, cache] of Object.entries(pair(`${kind}:`))) {
      await cache.ready();
      const put = (key, value) =>
        tags.length === 0 ? cache.put(key, value) : cache.tags(tags).put(key, value);
      for (const [at, key] of keys.entries()) await put(key, values[at]);
      for (const [at, key] of keys.entries()) deepStrictEqual(await cache.get(key), values[at]);
      tasks.push({
        id: `${tier} ${kind}`,
        kind: 'awaited',
        operation: (key) => cache.get(key),
        keys: asked,
        values,
      });
      if (cache.driver === 'tiered') {
        await kept(cache, asked);
        tiered.push({ cache, earlier: (await cache.stats()).memory.hits });
      }
    }
  }
  const answer = await interleave(tasks, { rounds, warmup });
  const asked = count * (rounds + warmup);
  for (const { cache, earlier } of tiered) {
    const hits = (await cache.stats()).memory.hits - earlier;
    if (hits !== asked) throw new Error(`of ${asked} reads the upper tier answered ${hits}`);
  }
  for (const cache of opened) await cache.close();
  return answer;
});

/** Until all is in memory: the news of a write may take a value away that was read right after it. */
async function kept(cache, keys) {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const before = (await cache.stats()).memory.hits;
    for (const key of keys) await cache.get(key);
    if ((await cache.stats()).memory.hits - before === keys.length) return;
    if (performance.now() > until) throw new Error('the upper tier does not hold the values');
    await sleep(20);
  }
}
