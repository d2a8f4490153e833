/** The section: a large cache in a process for each contender and round. */
import { run } from '../child.mjs';
import { median } from '../statistics.mjs';

/** Who is compared where a whole process is: the library, and what its users would hold objects in. */
const HOLDERS = ['ferrocache', 'lru-cache'];

export async function heap({ heap: large, overhead }, progress) {
  return {
    heap: await inTurn('heap.mjs', large, progress),
    overhead: await inTurn('overhead.mjs', overhead, (step) => progress(`overhead, ${step}`)),
  };
}

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
