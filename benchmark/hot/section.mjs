/** The section: hits in each isolation, then reads by threads, every isolation and count of threads in a process. */
import { run } from '../child.mjs';
import { median } from '../statistics.mjs';

const ISOLATIONS = ['frozen', 'copy'];
const HOLDERS = ['ferrocache', 'lru-cache'];
const THREADS = [1, 2, 4];

/** Resolves to `{ isolations: { [isolation]: { [shape]: { [call]: summary } } }, threads, rounds, bars }`. */
export async function hot({ hits, threads, bars }, progress) {
  const isolations = {};
  for (const isolation of ISOLATIONS) {
    progress(`hits, ${isolation}`);
    isolations[isolation] = await run('hot/isolation.mjs', { isolation, ...hits });
  }
  // A shortened run has no figures that a bar could be held against.
  return { isolations, ...(await byThreads(threads, progress)), bars };
}

/** In turn, for some rounds: every figure of `threads` is the median of its values in `rounds`. */
async function byThreads({ rounds: count, ...input }, progress) {
  const rounds = HOLDERS.flatMap((name) =>
    THREADS.map((threads) => ({ name, threads, perSecond: [], bytes: [] })),
  );
  for (let round = 0; round < count; round += 1) {
    for (const figures of round % 2 === 0 ? rounds : rounds.toReversed()) {
      const { name, threads } = figures;
      progress(`threads, round ${round + 1} of ${count}, ${name}, ${threads}`);
      const { perSecond, bytes } = await run('hot/threads.mjs', { name, threads, ...input });
      figures.perSecond.push(perSecond);
      figures.bytes.push(bytes);
    }
  }
  const threads = rounds.map(({ perSecond, bytes, ...what }) => ({
    ...what,
    perSecond: median(perSecond),
    bytes: median(bytes),
  }));
  return { threads, rounds };
}
