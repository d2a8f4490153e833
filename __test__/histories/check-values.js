'use strict';

/**
 * No resurrected value.
 *
 * A value has a *birth*: for one that a factory computed, the factory's first moment (from then on every
 * invalidation must win over it); for one that was put, the moment the put was acknowledged.
 *
 * - `resurrected`: a `get` or `remember` gave a value although an invalidation of its key or of one of its tags
 *   started after the value's birth and was acknowledged before the read started. Whatever overlaps the birth
 *   or the read is excused: it may have taken effect before the one or after the other. A `put` of another
 *   value is an invalidation; so a read that gives an overwritten value is found as well.
 * - `invented`: a read gave what nobody wrote, what was written to another key, or what was not yet written.
 *
 * @typedef {import('./checker.js').Operation} Operation
 * @typedef {{ key: string; from: number; earliest: number; tags: readonly string[]; by: object }} Birth
 */

/**
 * @param {import('./checker.js').History} history
 * @param {import('./invalidations.js').Invalidations} invalidations
 * @returns {import('./checker.js').Violation[]}
 */
function checkValues({ operations }, invalidations) {
  const births = birthsOf(operations);
  const violations = [];
  for (const read of operations) {
    if (!isRead(read) || !read.ok || read.value === null) continue;
    const birth = births.get(String(read.value));
    if (birth === undefined || birth.key !== read.key || read.end < birth.earliest) {
      violations.push(invented(read, birth));
      continue;
    }
    const wins = invalidations.certain(read.key, birth.tags, birth.from, read.start);
    if (wins === undefined) continue;
    violations.push({
      kind: /** @type {const} */ ('resurrected'),
      key: read.key,
      message: `a ${read.op} gave ${read.value}, which a ${wins.op} had invalidated before it started`,
      involved: [birth.by, wins, read],
    });
  }
  return violations;
}

/** @param {Operation} operation */
function isRead({ op }) {
  return op === 'get' || op === 'remember';
}

/**
 * @param {readonly Operation[]} operations
 * @returns {Map<string, Birth>}
 */
function birthsOf(operations) {
  const births = new Map();
  for (const operation of operations) {
    const { op, key, start, end, tags = [], runs = [] } = operation;
    if (op === 'put') {
      births.set(String(operation.value), { key, from: end, earliest: start, tags, by: operation });
    }
    for (const run of runs) {
      births.set(run.id, { key, from: run.start, earliest: run.start, tags: run.tags, by: operation });
    }
  }
  return births;
}

/**
 * @param {Operation} read
 * @param {Birth | undefined} birth
 * @returns {import('./checker.js').Violation}
 */
function invented(read, birth) {
  let what = 'nobody wrote';
  if (birth !== undefined) what = birth.key === read.key ? 'was not yet written' : `belongs to ${birth.key}`;
  return {
    kind: 'invented',
    key: read.key,
    message: `a ${read.op} gave ${read.value}, which ${what}`,
    involved: birth === undefined ? [read] : [birth.by, read],
  };
}

module.exports = { checkValues, birthsOf };
