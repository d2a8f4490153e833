'use strict';

/**
 * When the first tagged value was begun to be stored that may have come between two times. It has the epochs that its
 * tags had then: if one of them was flushed since, it takes the place of what was there, and is no value itself.
 *
 * @param {readonly import('./checker.js').Operation[]} operations of one key
 * @param {number} from
 * @param {number} to
 * @returns {number} `from`, if there was none earlier
 */
function earliestTagged(operations, from, to) {
  let earliest = from;
  for (const { op, tags = [], runs = [], start, end } of operations) {
    const stores = (op === 'put' && tags.length > 0) || runs.some((run) => run.tags.length > 0);
    if (stores && end >= from && start <= to && start < earliest) earliest = start;
  }
  return earliest;
}

module.exports = { earliestTagged };
