'use strict';

const { setTimeout: delay } = require('node:timers/promises');

/** What waiting cannot mend. */
class Fatal extends Error {}

/**
 * Asks until `condition` answers with something truthy, and resolves to that. What it throws counts as
 * "not yet", because most conditions are put to servers that are just coming up; {@link Fatal} does not.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} condition
 * @param {{ limit?: number, every?: number }} [options]
 * @returns {Promise<T>}
 */
async function until(what, condition, { limit = 15_000, every = 20 } = {}) {
  const end = performance.now() + limit;
  let last;
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = error;
    }
    if (performance.now() >= end) throw new Error(`not within ${limit} ms: ${what}`, { cause: last });
    await delay(every);
  }
}

module.exports = { Fatal, until };
