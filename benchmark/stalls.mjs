/**
 * The longest time that an event loop gives nobody a turn.
 *
 * Traffic comes in batches of one size, one in each turn of the loop, without pause. A turn's length is
 * the time from one `setImmediate` callback to the next; what it takes beyond the usual turn is a
 * stall: a request that arrives then waits that long. (`monitorEventLoopDelay` has a resolution of a
 * millisecond and a timer's own lag.)
 *
 * Without pause, because a full collection of a large heap comes after so much garbage, not after so
 * much time: at a slow pace a minute may see none, and the longest stall would be missed by chance.
 */
import { PerformanceObserver, constants, createHistogram } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { bigKey, bigObject } from './values.mjs';

const BATCH = 100;
/** One operation in ten is a put. */
const PUT_EVERY = 10;

export async function watch({ cache, schedule, seconds, warmupSeconds }) {
  const batches = new Batches(cache, schedule);
  await observe(batches, warmupSeconds);
  batches.operations = 0;
  const collections = new Collections();
  const turns = await observe(batches, seconds);
  const usualMs = turns.percentile(50) / 1e6;
  const collected = await collections.end();
  return {
    seconds,
    operations: batches.operations,
    misses: batches.misses,
    turnMs: usualMs,
    longestStallMs: turns.max / 1e6 - usualMs,
    p999StallMs: turns.percentile(99.9) / 1e6 - usualMs,
    ...collected,
    gcMsPerMillion: collected.gcMs / (batches.operations / 1e6),
  };
}

/** Runs batch after batch for so long; resolves to the histogram of the turns, in nanoseconds. */
async function observe(batches, seconds) {
  const turns = createHistogram({ figures: 3 });
  let began = performance.now();
  const end = began + seconds * 1000;
  while (began < end) {
    await batches.next();
    await turn();
    const now = performance.now();
    turns.record(Math.max(1, Math.round((now - began) * 1e6)));
    began = now;
  }
  return turns;
}

class Batches {
  operations = 0;
  misses = 0;
  #at = 0;
  #cache;
  #schedule;

  constructor(cache, schedule) {
    this.#cache = cache;
    this.#schedule = schedule;
  }

  async next() {
    const cache = this.#cache;
    for (let step = 0; step < BATCH; step += 1) {
      const index = this.#schedule[this.#at];
      this.#at = (this.#at + 1) % this.#schedule.length;
      this.operations += 1;
      if (step % PUT_EVERY === 0) {
        await cache.put(bigKey(index), bigObject(index));
      } else {
        const value = await cache.get(bigKey(index));
        if (value == null) this.misses += 1;
      }
    }
  }
}

/** What the garbage collector did, by V8's own account. */
class Collections {
  #totalMs = 0;
  #longestMs = 0;
  #full = 0;
  #observer = new PerformanceObserver((list) => this.#take(list.getEntries()));

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  async end() {
    // Entries are delivered on a later turn.
    await sleep(20);
    this.#take(this.#observer.takeRecords());
    this.#observer.disconnect();
    return { gcMs: this.#totalMs, longestGcMs: this.#longestMs, fullCollections: this.#full };
  }

  #take(entries) {
    for (const { duration, detail } of entries) {
      this.#totalMs += duration;
      this.#longestMs = Math.max(this.#longestMs, duration);
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#full += 1;
    }
  }
}
