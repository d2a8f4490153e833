/**
 * Child program: a large cache's weight on the process. Fills one contender with entries of 1 KiB,
 * says what the JS heap and the process grew by, and then watches the event loop under traffic, and a route of
 * the same process under load.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { collect, serve } from './child.mjs';
import { contender } from './contenders.mjs';
import { underLoad } from './heap/route.mjs';
import { watch } from './stalls.mjs';
import { bigKey, bigObject, zipfIndices } from './values.mjs';

await serve(async ({ name, entries, seconds, warmupSeconds, routeSeconds, maxSizeBytes }) => {
  // Drawn before the baseline: the schedule is nobody's growth.
  const schedule = zipfIndices(entries, Math.min(4 * entries, 1 << 22));
  const cache = await contender(name).open({ entries, maxSizeBytes });
  await warm(cache);

  await collect();
  const before = process.memoryUsage();
  const begin = performance.now();
  for (let index = 0; index < entries; index += 1) {
    await cache.put(bigKey(index), bigObject(index));
    // A turn now and then, as in a server: what a cache does in the background can be done.
    if (index % 1000 === 0) await turn();
  }
  const fillSeconds = (performance.now() - begin) / 1000;
  await collect();
  const after = process.memoryUsage();

  const traffic = await watch({ cache, schedule, seconds, warmupSeconds });
  return {
    fillSeconds,
    heapBytes: after.heapUsed - before.heapUsed,
    // Off the heap but V8's all the same (buffers that JavaScript holds): no hiding place.
    externalBytes: after.external - before.external,
    residentBytes: after.rss - before.rss,
    ...traffic,
    ...(await underLoad({ cache, schedule, seconds: routeSeconds })),
  };
});

/** Compiles the paths, so that code is not counted as growth. */
async function warm(cache) {
  for (let at = 0; at < 5000; at += 1) {
    await cache.put(bigKey(0), bigObject(0));
    await cache.get(bigKey(0));
  }
}
