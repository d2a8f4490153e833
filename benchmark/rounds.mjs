/**
 * Runs tasks interleaved: in each round, every task goes once over all keys. What the machine does
 * meanwhile (its clock, its neighbours) hits all of them alike.
 *
 * A task is `{ id, kind: 'awaited' | 'direct', operation, keys, values, prepare? }`. `prepare(start, end)` makes
 * ready, untimed, what the operations from `start` to `end` use up.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { summary } from './statistics.mjs';
import { shuffled } from './values.mjs';

/** How many operations are timed together: long against the clock's resolution, short against a round. */
const SLICE = 1000;

/** The summary of each task's samples by its id, in nanoseconds an operation. */
export async function interleave(tasks, { rounds, warmup }) {
  const runners = [];
  for (const task of tasks) {
    const loops = await import(`./loop.mjs?${encodeURIComponent(task.id)}`);
    runners.push({ ...task, loop: loops[task.kind], samples: [] });
  }
  for (let round = -warmup; round < rounds; round += 1) {
    // Each round has an order of its own: who comes before leaves the processor's caches warm, or empty, for the next.
    for (const at of shuffled(runners.length, round + warmup + 1)) await pass(runners[at], round >= 0);
  }
  return Object.fromEntries(runners.map(({ id, samples }) => [id, summary(samples)]));
}

async function pass({ loop, operation, keys, values, samples, prepare }, recorded) {
  // The garbage of the one before is not this one's to clear away.
  globalThis.gc?.({ type: 'minor' });
  for (let start = 0; start < keys.length; start += SLICE) {
    const end = Math.min(start + SLICE, keys.length);
    await prepare?.(start, end);
    const sample = await loop(operation, keys, values, start, end);
    if (recorded) samples.push(sample);
    // A turn of the event loop: timers run, as in a server. lru-cache and all that build on it
    // read the clock once until a timer fires, which would otherwise be once a benchmark.
    await turn();
  }
}
