/**
 * Child program: what an entry takes beyond its key and its value, with small values, where it
 * matters. The process's resident memory says it, whatever a cache's own account is.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { collect, serve } from './child.mjs';
import { contender } from './contenders.mjs';
import { SHORT_BYTES, bigKey, shortText } from './values.mjs';

await serve(async ({ name, entries, maxSizeBytes }) => {
  const cache = await contender(name).open({ entries, maxSizeBytes });
  // Churn on one key first: the young generation, compiled code and the allocator's arenas reach the
  // size that they have under load, and are not counted as entries.
  for (let at = 0; at < Math.min(entries, 300_000); at += 1) {
    await cache.put(bigKey(0), shortText(at));
    if (at % 1000 === 0) await turn();
  }

  await collect();
  const before = process.memoryUsage();
  for (let index = 0; index < entries; index += 1) {
    await cache.put(bigKey(index), shortText(index));
    if (index % 1000 === 0) await turn();
  }
  await collect();
  const after = process.memoryUsage();

  const { bytes, entries: held } = (await cache.stats?.()) ?? {};
  if (held !== undefined && held !== entries) {
    throw new Error(`${name} holds ${held} of ${entries} entries`);
  }
  const payload = bigKey(0).length + SHORT_BYTES;
  return {
    payload,
    residentBytes: (after.rss - before.rss) / entries - payload,
    heapBytes: (after.heapUsed - before.heapUsed) / entries,
    accountedBytes: bytes === undefined ? null : bytes / entries - payload,
  };
});
