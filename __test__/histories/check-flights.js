'use strict';

/**
 * One factory run per miss and fleet.
 *
 * - `two-runs`: two runs of one key in one *generation*. A generation ends with an invalidation that covers the
 *   key or a tag of the run. So, for a run and an earlier one of its key: nothing of the kind can have taken effect
 *   between the call of the one `remember` that was called first and the later run's first moment, and either the
 *   earlier run was not over yet, or it had returned a value, which should have been stored.
 *
 * Which of the two was given its lease first is not known: a process may stand still between the lease and the
 * factory's first moment. Hence the call that came first, and the tags of both.
 *
 * Excused: a later run after one that failed or whose process died; and a later run when the earlier one took
 * longer than a lease lives, as its process may have stood still and not renewed it.
 *
 * @typedef {import('./checker.js').Operation} Operation
 * @typedef {import('./checker.js').Run} Run
 * @typedef {{ run: Run; by: Operation }} Flight
 */

const { groupBy } = require('./intervals.js');
const { earliestTagged } = require('./late.js');

/** How many runs before it a run is compared with: more than ever overlap. */
const REACH = 32;

/**
 * @param {import('./checker.js').History} history
 * @param {import('./invalidations.js').Invalidations} invalidations
 * @returns {import('./checker.js').Violation[]}
 */
function checkFlights({ operations, leaseTtl = Infinity }, invalidations) {
  const all = operations.flatMap((by) => (by.runs ?? []).map((run) => ({ run, by })));
  const byKey = groupBy(all, ({ by }) => [by.key]);
  const ofKey = groupBy(operations, ({ key }) => [key]);
  const violations = [];
  for (const [key, flights] of byKey) {
    flights.sort((a, b) => a.run.start - b.run.start);
    for (const [index, later] of flights.entries()) {
      const earlier = flights
        .slice(Math.max(0, index - REACH), index)
        .reverse()
        .find((flight) => conflict(key, flight, later, leaseTtl, invalidations));
      if (earlier === undefined) continue;
      // A tagged value may have come over what the earlier run stored, late, and dead: its tag had been flushed.
      const from = earliestTagged(ofKey.get(key) ?? [], earlier.by.start, later.run.start);
      if (from < earlier.by.start && invalidations.removal(key, from, later.run.start)) continue;
      const overlap = later.run.start < earlier.run.end;
      violations.push({
        kind: /** @type {const} */ ('two-runs'),
        key,
        message: overlap
          ? `a factory ran for ${later.run.id} while one ran for ${earlier.run.id}, with no invalidation between`
          : `a factory ran for ${later.run.id} after one had returned ${earlier.run.id}, with no invalidation between`,
        involved: [earlier.by, later.by],
      });
    }
  }
  return violations;
}

/**
 * @param {string} key
 * @param {Flight} earlier
 * @param {Flight} later
 * @param {number} leaseTtl
 * @param {import('./invalidations.js').Invalidations} invalidations
 */
function conflict(key, { run, by }, { run: later, by: asker }, leaseTtl, invalidations) {
  const overlap = later.start < run.end;
  // A run whose `remember` failed may not have been stored, whatever the factory returned.
  if (!overlap && !(run.returned && by.ok)) return false;
  // The lease is there from the call at the earliest, until the value takes its place.
  if (Math.min(later.start, by.end) - by.start > leaseTtl) return false;
  const from = Math.min(by.start, asker.start);
  return invalidations.possible(key, [...run.tags, ...later.tags], from, later.start) === undefined;
}

module.exports = { checkFlights };
