'use strict';

/**
 * What a history holds, so that one in which nothing could go wrong is seen.
 *
 * @typedef {import('./checker.js').Operation & { error?: string; refused?: boolean }} Operation
 */

const { Intervals } = require('./intervals.js');
const { PLANNED } = require('./client.js');

const INVALIDATIONS = ['forget', 'flush', 'flushTags'];

/** @param {readonly Operation[]} operations */
function summarise(operations) {
  const of = (/** @type {string[]} */ ...kinds) => operations.filter(({ op }) => kinds.includes(op));
  const reads = of('get', 'remember');
  const runs = operations.flatMap((by) => (by.runs ?? []).map((run) => ({ ...run, by })));
  const byId = new Map(runs.map((run) => [run.id, run]));
  const holds = of('lock').flatMap(({ hold }) => hold ?? []);
  const failed = operations.filter((operation) => operation.error && !operation.error.includes(PLANNED));
  return {
    operations: operations.length,
    hits: reads.filter((read) => read.ok && read.value !== null && !read.runs?.length).length,
    misses: reads.filter((read) => read.ok && (read.value === null || read.runs?.length)).length,
    puts: of('put').length,
    invalidations: of(...INVALIDATIONS).length,
    flushes: of('flush').length,
    runs: runs.length,
    /** Runs in the middle of which an invalidation that covers them began and ended: chances to resurrect. */
    races: racesOf(operations, runs),
    /** `remember`s that were given what another client's, and another process's, run computed meanwhile. */
    joined: of('remember').filter((ask) => joins(ask, byId)).length,
    joinedElsewhere: of('remember').filter((ask) => joins(ask, byId, true)).length,
    counts: of('count').length,
    holds: holds.length,
    /** Locks that were had only after a wait, or not at all. */
    refused: of('lock').filter(({ refused }) => refused).length,
    lost: holds.filter(({ outcome }) => outcome === 'lost').length,
    unanswered: operations.filter(({ ok, error }) => !ok && error === undefined).length,
    failed: failed.length,
    errors: Object.fromEntries(tally(failed.map(({ op, error }) => `${op} ${error}`))),
  };
}

/**
 * @param {readonly Operation[]} operations
 * @param {readonly (import('./checker.js').Run & { by: Operation })[]} runs
 */
function racesOf(operations, runs) {
  const sure = operations.filter(({ op, ok }) => ok && (op === 'put' || INVALIDATIONS.includes(op)));
  const sorted = new Intervals(sure);
  return runs.filter((run) => {
    for (const { op, key, end, tags = [] } of sorted.starting(run.start, run.end)) {
      const covers = op === 'flush' || key === run.by.key || tags.some((tag) => run.tags.includes(tag));
      if (covers && end < run.end) return true;
    }
    return false;
  }).length;
}

/**
 * @param {Operation} ask
 * @param {Map<string, import('./checker.js').Run & { by: Operation }>} byId
 * @param {boolean} [elsewhere] in another process
 */
function joins(ask, byId, elsewhere = false) {
  const run = byId.get(String(ask.value));
  if (run === undefined || run.by === ask || ask.start >= run.end) return false;
  return !elsewhere || run.by.process !== ask.process;
}

/** @param {readonly string[]} words */
function tally(words) {
  const counts = new Map();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

module.exports = { summarise };
