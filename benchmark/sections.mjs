/** Runs the sections, each in child processes, and brings their answers together. */
import { run } from './child.mjs';
import { couchdb } from './couchdb/section.mjs';
import { redis } from './redis/section.mjs';
import { median } from './statistics.mjs';
import { tiered } from './tiered/section.mjs';

/** Who is compared where a whole process is: the library, and what its users would hold objects in. */
const HOLDERS = ['ferrocache', 'lru-cache'];

export const sections = {
  ops: (plan) => run('ops.mjs', plan),
  native: (plan) => run('native.mjs', plan),
  heap: (plan, progress) => inTurn('heap.mjs', plan, progress),
  overhead: (plan, progress) => inTurn('overhead.mjs', plan, progress),
  redis,
  couchdb,
  tiered,
};

/**
 * Each contender in a process of its own, in turn, for some rounds; every figure is the median over
 * the rounds, and `rounds` keeps them all.
 */
async function inTurn(file, { rounds: count, ...input }, progress) {
  const rounds = Object.fromEntries(HOLDERS.map((name) => [name, []]));
  for (let round = 0; round < count; round += 1) {
    for (const name of round % 2 === 0 ? HOLDERS : HOLDERS.toReversed()) {
      progress(`round ${round + 1} of ${count}, ${name}`);
      const answer = await run(file, { name, ...input });
      if (answer.misses > 0) {
        // What it does not hold weighs nothing: such a figure must not be shown.
        throw new Error(`${name} does not hold ${input.entries} entries: ${answer.misses} misses`);
      }
      rounds[name].push(answer);
    }
  }
  const rows = Object.fromEntries(HOLDERS.map((name) => [name, medians(rounds[name])]));
  return { rows, rounds };
}

function medians(answers) {
  return Object.fromEntries(
    Object.keys(answers[0]).map((field) => {
      const figures = answers.map((answer) => answer[field]);
      return [field, figures.includes(null) ? null : median(figures)];
    }),
  );
}
