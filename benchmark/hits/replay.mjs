/**
 * Child program: asks caches of a few sizes for the keys of one workload, each miss followed by a write, as an
 * app does it, and counts the hits. Answers with `{ requests, footprint, sizes, ratios: { [policy]: [share of hits] } }`.
 */
import { serve } from '../child.mjs';
import { generated } from './generated.mjs';
import { traces } from './traces.mjs';

/** Room in bytes for whatever number of entries is asked for: the bound is the entries'. */
const MOST_BYTES = 4 * 1024 ** 3;
const VALUE = 1;

await serve(async ({ workload, traceFolder, shares, ...sizes }) => {
  const all = traceFolder === undefined ? generated(sizes) : traces(traceFolder);
  const indices = all.find(({ name }) => name === workload).keys;
  const names = [];
  for (const index of indices) names[index] ??= `key:${index}`;
  const footprint = names.filter(Boolean).length;
  const entries = shares.map((share) => Math.max(1, Math.round(footprint * share)));
  const ratios = { lru: [], tinylfu: [], 'lru-cache': [] };
  for (const most of entries) {
    ratios.lru.push(await own('lru', most, indices, names));
    ratios.tinylfu.push(await own('tinylfu', most, indices, names));
    ratios['lru-cache'].push(await lruCache(most, indices, names));
  }
  return { requests: indices.length, footprint, sizes: entries, ratios };
});

async function own(policy, maxSize, indices, names) {
  const { Cache } = await import('../../index.js');
  const cache = new Cache({ config: { policy, maxSize, maxSizeBytes: MOST_BYTES } });
  let hits = 0;
  for (const index of indices) {
    if ((await cache.get(names[index])) === null) await cache.put(names[index], VALUE);
    else hits += 1;
  }
  await cache.close();
  return hits / indices.length;
}

async function lruCache(max, indices, names) {
  const { LRUCache } = await import('lru-cache');
  const cache = new LRUCache({ max });
  let hits = 0;
  for (const index of indices) {
    if (cache.get(names[index]) === undefined) cache.set(names[index], VALUE);
    else hits += 1;
  }
  return hits / indices.length;
}
