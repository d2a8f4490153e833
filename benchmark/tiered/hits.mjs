/**
 * Child program: a hit of the memory driver, with and without its hot tier, beside a hit of the tiered driver's memory,
 * which has none; with tags and without, one awaited after the other. Answers with `{ [kind]: summary }` in nanoseconds.
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
  const remote = { driver: 'redis', host, port, prefix: 'hits:' };
  const caches = {
    memory: new Cache({ failOpen: false }),
    core: new Cache({ failOpen: false, config: { hot: false } }),
    tiered: new Cache({ driver: 'tiered', failOpen: false, config: { remote } }),
  };
  await caches.tiered.ready();

  const tasks = [];
  for (const tags of [[], TAGS]) {
    const kind = tags.length === 0 ? 'plain' : 'tagged';
    const keys = order.map((index) => `${kind}:${smallKey(index)}`);
    for (const [tier, cache] of Object.entries(caches)) {
      const put = (key, value) =>
        tags.length === 0 ? cache.put(key, value) : cache.tags(tags).put(key, value);
      for (const [at, key] of keys.entries()) await put(key, values[at]);
      for (const [at, key] of keys.entries()) deepStrictEqual(await cache.get(key), values[at]);
      const operation = (key) => cache.get(key);
      // Not in the order in which they were stored: how close to each other things lie that were made one after the
      // other is no property of a hit.
      const asked = asking.map((at) => keys[at]);
      tasks.push({ id: `${tier} ${kind}`, kind: 'awaited', operation, keys: asked, values });
    }
  }
  await kept(caches.tiered, tasks);
  const { memory: earlier } = await caches.tiered.stats();
  const answer = await interleave(tasks, { rounds, warmup });
  const { memory } = await caches.tiered.stats();
  const asked = 2 * count * (rounds + warmup);
  const hits = memory.hits - earlier.hits;
  if (hits !== asked) throw new Error(`of ${asked} reads the upper tier answered ${hits}`);
  for (const cache of Object.values(caches)) await cache.close();
  return answer;
});

/** Until all is in memory: the news of a write may take a value away that was read right after it. */
async function kept(cache, tasks) {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const before = (await cache.stats()).memory.hits;
    let asked = 0;
    for (const { id, keys } of tasks) {
      if (!id.startsWith('tiered')) continue;
      for (const key of keys) await cache.get(key);
      asked += keys.length;
    }
    if ((await cache.stats()).memory.hits - before === asked) return;
    if (performance.now() > until) throw new Error('the upper tier does not hold the values');
    await sleep(20);
  }
}
