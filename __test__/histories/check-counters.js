'use strict';

/**
 * No lost count. A counter of these histories only goes one way, so each acknowledged step from `value - step`
 * to `value` claims a stretch of the number line for itself.
 *
 * - `lost-count`: two steps claim the same stretch (one of them was lost); a stretch that nobody claims and that
 *   no unacknowledged steps sum up to; or an end that is not the sum.
 * - `count-order`: a step or a read gave a number lower than one that had been acknowledged before it started.
 *
 * @typedef {import('./checker.js').Operation} Operation
 * @typedef {import('./checker.js').Violation} Violation
 */

const { groupBy } = require('./intervals.js');

/** Sums of more unacknowledged steps than this are not listed; then any gap is excused. */
const MOST_UNKNOWN = 16;

/**
 * @param {import('./checker.js').History} history
 * @returns {Violation[]}
 */
function checkCounters({ operations, counters = {} }) {
  const stepped = operations.filter(({ op }) => op === 'count' || op === 'read');
  const byKey = groupBy(stepped, ({ key }) => [key]);
  const keys = [...new Set([...byKey.keys(), ...Object.keys(counters)])];
  return keys.flatMap((key) => {
    const list = byKey.get(key) ?? [];
    const steps = list.filter(({ op }) => op === 'count');
    const sign = steps.some(({ step }) => Number(step) < 0) ? -1 : 1;
    const unknown = steps.filter(({ ok }) => !ok).map(({ step }) => sign * Number(step));
    const explained = sums(unknown);
    const seen = list.filter(({ ok }) => ok).map((by) => pointOf(by, sign));
    seen.sort((a, b) => a.value - b.value || Number(a.reads) - Number(b.reads) || a.start - b.start);
    const end = counters[key] === undefined ? undefined : sign * counters[key];
    return [...gaps(key, seen, explained, end), ...order(key, seen)];
  });
}

/**
 * A counter that goes down is one that goes up, seen from below.
 *
 * @param {Operation} by
 * @param {number} sign
 */
function pointOf(by, sign) {
  const value = sign * Number(by.value ?? 0);
  const reads = by.op === 'read';
  return {
    value,
    before: value - (reads ? 0 : sign * Number(by.step)),
    reads,
    start: by.start,
    end: by.end,
    by,
  };
}

/** @typedef {ReturnType<typeof pointOf>} Point */

/**
 * @param {string} key
 * @param {readonly Point[]} seen
 * @param {(gap: number) => boolean} explained
 * @param {number | undefined} end
 * @returns {Generator<Violation>}
 */
function* gaps(key, seen, explained, end) {
  let at = 0;
  /** @type {Point | undefined} */
  let last;
  for (const point of seen) {
    const gap = point.before - at;
    if (gap < 0) {
      yield lost(key, `two steps claim the way to ${point.by.value}`, last, point);
    } else if (!explained(gap)) {
      yield lost(key, `nobody stepped the ${gap} before ${point.by.op} gave ${point.by.value}`, last, point);
    }
    if (point.value < at) continue;
    at = point.value;
    last = point;
  }
  if (end !== undefined && (end < at || !explained(end - at))) {
    yield lost(key, `the end is ${Math.abs(end)} from 0, and the steps come to ${at}`, last);
  }
}

/**
 * @param {string} key
 * @param {string} message
 * @param {...(Point | undefined)} points
 * @returns {Violation}
 */
function lost(key, message, ...points) {
  return { kind: 'lost-count', key, message, involved: points.flatMap((point) => point?.by ?? []) };
}

/**
 * @param {string} key
 * @param {readonly Point[]} seen
 * @returns {Generator<Violation>}
 */
function* order(key, seen) {
  /** The one that started last, of those with lower numbers. @type {Point | undefined} */
  let lower;
  for (const point of seen) {
    if (lower !== undefined && point.end < lower.start) {
      yield {
        kind: 'count-order',
        key,
        message: `${lower.by.value} was given after ${point.by.value} had been`,
        involved: [point.by, lower.by],
      };
    }
    if (lower === undefined || point.start > lower.start) lower = point;
  }
}

/**
 * Whether a number is the sum of some of the steps.
 *
 * @param {readonly number[]} steps
 * @returns {(sum: number) => boolean}
 */
function sums(steps) {
  if (steps.length > MOST_UNKNOWN) {
    const most = steps.reduce((sum, step) => sum + step, 0);
    return (sum) => sum >= 0 && sum <= most;
  }
  const possible = new Set([0]);
  for (const step of steps) for (const sum of [...possible]) possible.add(sum + step);
  return (sum) => possible.has(sum);
}

module.exports = { checkCounters };
