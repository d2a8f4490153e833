'use strict';

/**
 * Judges what the threads of several processes, each with an upper tier of its own, saw of one lower tier. Pure: a
 * history in, the violations out. What an operation is stands in histories/checker.js; times are in nanoseconds.
 *
 * A process may be behind the others, and never behind itself:
 *
 * - `resurrected`: a read gave a value that a write or an invalidation of its own process had ended before: one that
 *   started after the value was stored and was acknowledged before the read started.
 * - `late`: the same for one of any process, acknowledged longer ago than `bound`.
 * - `absent`: a read gave `null` although a put had been acknowledged longer ago than `bound`, or by its own process,
 *   and nothing from then on can have removed the value.
 * - `went-back`: a read gave a value although a read of the same process that had ended before had given one that was
 *   written later for sure.
 * - `returned`: three reads of one process, one after the other, gave a value, something else, and the value again.
 *   Values are written once.
 * - `invented`: a read gave what nobody wrote, what belongs to another key, or what was not yet written.
 *
 * An operation whose outcome nobody saw may have taken effect until some time after it (`SETTLES` in
 * histories/history.js). It excuses others and accuses nobody.
 *
 * A flush that `sparesRuns` is a database that was deleted and created anew: CouchDB takes what is written with the
 * revision of a lease there too, so what a factory makes meanwhile may be stored after it.
 *
 * @typedef {import('../../histories/checker.js').Operation & { instance: string, sparesRuns?: boolean }} Operation
 * @typedef {{ kind: string, key: string, message: string, involved: readonly object[] }} Violation
 */

const { birthsOf } = require('../../histories/check-values.js');
const { Invalidations } = require('../../histories/invalidations.js');
const { Intervals, groupBy } = require('../../histories/intervals.js');

const isRead = (/** @type {Operation} */ { op, ok }) => ok && (op === 'get' || op === 'remember');

/**
 * @param {{ operations: readonly Operation[], bound: number }} history
 * @returns {Violation[]}
 */
function check({ operations, bound }) {
  const births = spared(birthsOf(operations), operations);
  const everywhere = { bound, by: operations, all: new Invalidations(operations), kind: 'late' };
  const instances = [...groupBy(operations, ({ instance }) => [instance]).values()];
  return instances.flatMap((own) => {
    const here = { bound: 0, by: own, all: new Invalidations(own), kind: 'resurrected' };
    const reads = own.filter(isRead);
    const byKey = [...groupBy(reads, ({ key }) => [key]).values()];
    return [
      ...reads.flatMap((read) => outdated(read, births, [here, everywhere])),
      ...absent(reads, here, everywhere),
      ...absent(reads, everywhere, everywhere),
      ...byKey.flatMap((list) => [...wentBack(list, births), ...returned(list)]),
    ];
  });
}

/**
 * What was made while a flush spared it may be as young as its `remember`'s end.
 *
 * @param {ReturnType<typeof birthsOf>} births
 * @param {readonly Operation[]} operations
 */
function spared(births, operations) {
  const sparing = new Intervals(operations.filter(({ sparesRuns }) => sparesRuns));
  for (const [value, birth] of births) {
    const { op, start, end } = /** @type {any} */ (birth.by);
    if (op !== 'put' && sparing.touching(start, end)) births.set(value, { ...birth, from: end });
  }
  return births;
}

/** @typedef {{ bound: number, by: readonly Operation[], all: Invalidations, kind: string }} Scope */

/**
 * @param {Operation} read
 * @param {ReturnType<typeof birthsOf>} births
 * @param {readonly Scope[]} scopes
 * @returns {Violation[]}
 */
function outdated(read, births, scopes) {
  const { key, value, start, end } = read;
  if (value === null) return [];
  const birth = births.get(String(value));
  if (birth === undefined || birth.key !== key || end < birth.earliest) {
    const involved = birth === undefined ? [read] : [birth.by, read];
    return [{ kind: 'invented', key, message: `a read gave ${value}, which cannot be`, involved }];
  }
  for (const { bound, all, kind } of scopes) {
    const wins = all.certain(key, birth.tags, birth.from, start - bound);
    if (wins === undefined) continue;
    const behind = Math.round((start - wins.end) / 1e6);
    const message = `a read gave ${value} ${behind} ms after a ${wins.op} of ${name(wins)} was answered`;
    return [{ kind, key, message, involved: [birth.by, wins, read] }];
  }
  return [];
}

const name = (/** @type {any} */ { instance }) => instance;

/**
 * @param {readonly Operation[]} reads
 * @param {Scope} proving whose puts are to be seen, and how soon
 * @param {Scope} everywhere whose removals excuse
 */
function* absent(reads, { by, bound }, everywhere) {
  const puts = groupBy(
    by.filter(({ op, ok }) => ok && op === 'put'),
    ({ key }) => [key],
  );
  for (const [key, list] of puts) list.sort((a, b) => a.end - b.end || a.key.localeCompare(key));
  for (const read of reads) {
    if (read.value !== null) continue;
    const proof = lastBefore(puts.get(read.key) ?? [], read.start - bound);
    if (proof === undefined || everywhere.all.removal(read.key, proof.start, read.end)) continue;
    const since = earliestTagged(everywhere.by, proof, read);
    if (since < proof.start && everywhere.all.removal(read.key, since, read.end)) continue;
    const behind = Math.round((read.start - proof.end) / 1e6);
    yield {
      kind: 'absent',
      key: read.key,
      message: `a read gave nothing ${behind} ms after ${proof.value} was stored by ${name(proof)}`,
      involved: [proof, read],
    };
  }
}

/**
 * A tagged write may have taken the place of the value and be worth nothing: if it began before the value was stored
 * and one of its tags was flushed meanwhile. When the first of those began.
 *
 * @param {readonly Operation[]} operations
 * @param {Operation} proof
 * @param {Operation} read
 */
function earliestTagged(operations, proof, read) {
  const tagged = operations.filter(
    ({ op, key, tags = [], start, end }) =>
      key === read.key &&
      tags.length > 0 &&
      (op === 'put' || op === 'remember') &&
      start < read.end &&
      end > proof.start,
  );
  return Math.min(...tagged.map(({ start }) => start));
}

/**
 * Of a list by the end, the last that ended before.
 *
 * @param {readonly Operation[]} list
 * @param {number} time
 */
function lastBefore(list, time) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle].end < time) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}

/**
 * @param {readonly Operation[]} reads of one key and process
 * @param {ReturnType<typeof birthsOf>} births
 */
function* wentBack(reads, births) {
  const ended = [...reads].sort((a, b) => a.end - b.end);
  let next = 0;
  /** Of the reads that had ended, the one whose value was written last. @type {Operation | undefined} */
  let newest;
  let from = -Infinity;
  for (const read of [...reads].sort((a, b) => a.start - b.start)) {
    while (next < ended.length && ended[next].end < read.start) {
      const birth = births.get(String(ended[next].value));
      // A factory's value has its place among the others from its lease on, at the earliest from the call on.
      const written = /** @type {any} */ (birth?.by)?.start ?? -Infinity;
      if (written > from) {
        newest = ended[next];
        from = written;
      }
      next += 1;
    }
    const birth = births.get(String(read.value));
    const put = /** @type {any} */ (birth?.by)?.op === 'put';
    // When what a factory made was stored is not known.
    if (!put || newest === undefined || birth === undefined || birth.from >= from) continue;
    yield {
      kind: 'went-back',
      key: read.key,
      message: `a read gave ${read.value} after one had given ${newest.value}, which is newer`,
      involved: [birth.by, births.get(String(newest.value))?.by ?? newest, newest, read],
    };
  }
}

/** @param {readonly Operation[]} reads of one key and process */
function* returned(reads) {
  const sorted = new Intervals(reads);
  /** @type {Map<unknown, { first: Operation, last: Operation }>} */
  const sights = new Map();
  for (const read of reads) {
    if (read.value === null) continue;
    const sight = sights.get(read.value) ?? { first: read, last: read };
    if (read.end < sight.first.end) sight.first = read;
    if (read.start > sight.last.start) sight.last = read;
    sights.set(read.value, sight);
  }
  for (const [value, { first, last }] of sights) {
    for (const between of sorted.starting(first.end, last.start)) {
      if (between.value === value || between.end >= last.start) continue;
      yield {
        kind: 'returned',
        key: first.key,
        message: `reads gave ${value}, ${between.value}, ${value}`,
        involved: [first, between, last],
      };
      break;
    }
  }
}

/**
 * By how much the reads were behind, in milliseconds: since when what they gave was outdated for sure.
 *
 * @param {readonly Operation[]} operations
 */
function staleness(operations) {
  const births = spared(birthsOf(operations), operations);
  const sure = new Invalidations(operations);
  const behind = [];
  for (const read of operations.filter(isRead)) {
    const birth = births.get(String(read.value));
    if (birth === undefined) continue;
    const wins = sure.certain(read.key, birth.tags, birth.from, read.start);
    if (wins !== undefined) behind.push((read.start - wins.end) / 1e6);
  }
  return behind.sort((a, b) => a - b);
}

module.exports = { check, staleness };
