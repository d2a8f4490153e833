'use strict';

/**
 * No two holders of one lock.
 *
 * A hold is *sure* where it cannot have lapsed: from its start to its end if its release said that the lock was
 * still the holder's; else (it was lost, or its process was killed) for the lock's life from the call on.
 *
 * - `two-holders`: the sure parts of two holds of one lock overlap.
 * - `fence`: a fencing number was given twice; or a hold that began before another was asked for, or was over
 *   before it began, has the higher one.
 * - `lost-early`: a lock was lost before its life was over.
 *
 * @typedef {import('./checker.js').Operation} Operation
 * @typedef {import('./checker.js').Hold} Hold
 * @typedef {import('./checker.js').Violation} Violation
 * @typedef {{ by: Operation; hold: Hold; until: number }} Held
 */

const { groupBy } = require('./intervals.js');

/** Redis counts lives in milliseconds, and by its own clock. */
const TOLERANCE = 5e6;

/**
 * @param {import('./checker.js').History} history
 * @returns {Violation[]}
 */
function checkLocks({ operations }) {
  const all = operations.flatMap((by) =>
    by.hold === undefined ? [] : [{ by, hold: by.hold, until: sureUntil(by, by.hold) }],
  );
  return [...groupBy(all, ({ by }) => [by.key])].flatMap(([key, list]) => [
    ...overlaps(key, list),
    ...fences(key, list),
    ...early(key, list),
  ]);
}

/**
 * @param {Operation} by
 * @param {Hold} hold
 */
function sureUntil({ start, ttl = 0 }, hold) {
  if (hold.outcome === 'released') return hold.end;
  return Math.min(hold.end, start + ttl - TOLERANCE);
}

/**
 * @param {string} key
 * @param {readonly Held[]} list
 * @returns {Generator<Violation>}
 */
function* overlaps(key, list) {
  /** The hold that ends last, of those before. @type {Held | undefined} */
  let last;
  for (const held of list.toSorted((a, b) => a.hold.start - b.hold.start)) {
    if (held.until <= held.hold.start) continue;
    if (last !== undefined && held.hold.start < last.until) {
      yield {
        kind: 'two-holders',
        key,
        message: `the holder with the number ${held.hold.token} came while the one with ${last.hold.token} held`,
        involved: [last.by, held.by],
      };
    }
    if (last !== undefined && held.hold.start >= last.until && held.hold.token < last.hold.token) {
      yield {
        kind: 'fence',
        key,
        message: `the holder with the number ${held.hold.token} came after the one with ${last.hold.token}`,
        involved: [last.by, held.by],
      };
    }
    if (last === undefined || held.until > last.until) last = held;
  }
}

/**
 * @param {string} key
 * @param {readonly Held[]} list
 * @returns {Generator<Violation>}
 */
function* fences(key, list) {
  const sorted = list.toSorted((a, b) => a.hold.token - b.hold.token);
  /** The one that was asked for last, of those with lower numbers. @type {Held | undefined} */
  let lower;
  for (const [index, held] of sorted.entries()) {
    const { token } = held.hold;
    const before = sorted[index - 1];
    if (before?.hold.token === token || typeof token !== 'number') {
      yield {
        kind: 'fence',
        key,
        message: `the number ${token} was given twice`,
        involved: [before?.by ?? held.by, held.by],
      };
    } else if (lower !== undefined && held.hold.start < lower.by.start) {
      yield {
        kind: 'fence',
        key,
        message: `the number ${lower.hold.token} was given after ${token}`,
        involved: [held.by, lower.by],
      };
    }
    if (lower === undefined || held.by.start > lower.by.start) lower = held;
  }
}

/**
 * @param {string} key
 * @param {readonly Held[]} list
 * @returns {Generator<Violation>}
 */
function* early(key, list) {
  for (const { by, hold } of list) {
    if (hold.outcome !== 'lost' || by.end - by.start >= (by.ttl ?? 0) - TOLERANCE) continue;
    yield {
      kind: 'lost-early',
      key,
      message: `the lock with the number ${hold.token} was lost before its life was over`,
      involved: [by],
    };
  }
}

module.exports = { checkLocks };
