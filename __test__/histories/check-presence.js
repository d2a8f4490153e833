'use strict';

/**
 * What is stored stays, and what is gone stays gone. The entries of these histories neither expire nor are
 * evicted, so only an invalidation ends one.
 *
 * - `vanished`: the key held a value for sure (a put was acknowledged, or a `get` gave one), nothing that could
 *   remove it overlaps the time from then on, and yet a `get` gave `null` or a factory was run.
 * - `returned`: three `get`s of a key, one after the other, gave a value, something else, and the first value
 *   again. Values are unique and written once, so it was gone and came back.
 *
 * @typedef {import('./checker.js').Operation} Operation
 * @typedef {import('./checker.js').Violation} Violation
 */

const { Intervals, groupBy } = require('./intervals.js');
const { earliestTagged } = require('./late.js');

/**
 * @param {import('./checker.js').History} history
 * @param {import('./invalidations.js').Invalidations} invalidations
 * @returns {Violation[]}
 */
function checkPresence({ operations }, invalidations) {
  const lists = groupBy(operations, ({ key }) => [key]).values();
  return [...lists].flatMap((list) => [...vanished(list, invalidations), ...returned(list)]);
}

/**
 * @param {readonly Operation[]} operations of one key
 * @param {import('./invalidations.js').Invalidations} invalidations
 */
function* vanished(operations, invalidations) {
  const proofs = operations
    .filter(({ op, ok, value }) => ok && value !== null && (op === 'put' || op === 'get'))
    .sort((a, b) => a.end - b.end);
  // At `i`: of the proofs that ended first, the one that started last: least can have happened since.
  const latest = [...proofs];
  for (let i = 1; i < latest.length; i += 1) {
    if (latest[i - 1].start > latest[i].start) latest[i] = latest[i - 1];
  }
  const misses = operations.flatMap(missesOf).sort((a, b) => a.start - b.start);
  let next = 0;
  for (const miss of misses) {
    while (next < proofs.length && proofs[next].end < miss.start) next += 1;
    const proof = latest[next - 1];
    if (proof === undefined || invalidations.removal(miss.key, proof.start, miss.end)) continue;
    // What was stored last may have come late, with a tag that had been flushed meanwhile.
    const from = earliestTagged(operations, proof.start, miss.end);
    if (from < proof.start && invalidations.removal(miss.key, from, miss.end)) continue;
    yield /** @type {Violation} */ ({
      kind: 'vanished',
      key: miss.key,
      message: `a ${miss.by.op} missed, although ${proof.value} was stored and nothing had removed it`,
      involved: [proof, miss.by],
    });
  }
}

/**
 * When the key was found without a value: between the start and the end.
 *
 * @param {Operation} operation
 */
function missesOf(operation) {
  const { op, ok, value, key, start, end, runs = [] } = operation;
  if (op === 'get' && ok && value === null) return [{ key, start, end, by: operation }];
  return runs.map((run) => ({ key, start, end: run.start, by: operation }));
}

/** @param {readonly Operation[]} operations of one key */
function* returned(operations) {
  const gets = operations.filter(({ op, ok }) => ok && op === 'get');
  const sorted = new Intervals(gets);
  /** @type {Map<unknown, { first: Operation; last: Operation }>} */
  const seen = new Map();
  for (const get of gets) {
    if (get.value === null) continue;
    const sight = seen.get(get.value);
    if (sight === undefined) seen.set(get.value, { first: get, last: get });
    else {
      if (get.end < sight.first.end) sight.first = get;
      if (get.start > sight.last.start) sight.last = get;
    }
  }
  for (const [value, { first, last }] of seen) {
    for (const between of sorted.starting(first.end, last.start)) {
      if (between.value === value || between.end >= last.start) continue;
      yield /** @type {Violation} */ ({
        kind: 'returned',
        key: last.key,
        message: `${value} was read, then ${between.value}, then ${value} again`,
        involved: [first, between, last],
      });
      break;
    }
  }
}

module.exports = { checkPresence };
