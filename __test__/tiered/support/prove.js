'use strict';

// A test that runs a fleet and judges what its processes saw.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { check, staleness } = require('./checker.js');
const { runFleet } = require('./fleet.js');

const SECONDS = Number(process.env.FERROCACHE_CONSISTENCY_SECONDS || 30);
const SEED = Number(process.env.FERROCACHE_CONSISTENCY_SEED || Date.now() % 2 ** 31);

const MILLISECOND = 1e6;
/** Told of a change at once, a process is behind by what it takes to tell, on a machine that is busy. */
const TOLD = 1000 * MILLISECOND;
/** Not told, it knows after a heartbeat of 0.5 s and 1 s of silence that it is not. */
const UNTOLD = 2500 * MILLISECOND;

/** `npm test` gives a file two minutes; a long run takes what it takes. */
const LIMIT = { timeout: 110_000 + Math.max(0, SECONDS - 30) * 3000 };

/** What a run must have seen for each second, to mean something; far below what any does. */
const LEAST = { reads: 200, writes: 10, fromMemory: 50 };

const BACK = ['went-back', 'returned'];

function summarise({ operations, stats, happened }) {
  const behind = staleness(operations);
  const at = (share) => Number((behind[Math.floor(share * (behind.length - 1))] ?? 0).toFixed(1));
  const count = (...ops) => operations.filter(({ op, ok }) => ok && ops.includes(op)).length;
  return {
    seed: SEED,
    reads: count('get', 'remember'),
    writes: count('put', 'forget', 'flushTags', 'flush'),
    failed: operations.filter(({ ok }) => !ok).length,
    fromMemory: stats.reduce((sum, { memory }) => sum + memory.hits, 0),
    behind: behind.length,
    behindMillis: { p50: at(0.5), p99: at(0.99), max: at(1) },
    happened,
  };
}

/** Fails with the first violation of each kind, whole. */
function judge(violations, seen) {
  const first = new Map();
  for (const violation of violations) {
    const { count = 0, shown = violation } = first.get(violation.kind) ?? {};
    first.set(violation.kind, { count: count + 1, shown });
  }
  const lines = [...first.values()].map(({ count, shown: { kind, key, message, involved } }) =>
    [`${count} × ${kind} (${key}): ${message}`, ...involved.map((by) => `    ${JSON.stringify(by)}`)].join(
      '\n',
    ),
  );
  if (lines.length > 0) assert.fail([...lines, JSON.stringify(seen)].join('\n'));
}

/**
 * @param {string} name
 * @param {number} share of all the time
 * @param {object} plan of the fleet
 * @param {number} bound by how much a process may be behind
 */
function proves(name, share, plan, bound) {
  test(name, LIMIT, async (t) => {
    const seconds = SECONDS * share;
    const run = await runFleet({ seconds, seed: SEED, ...plan });
    const seen = summarise(run);
    t.diagnostic(JSON.stringify(seen));
    const violations = check({ operations: run.operations, bound });
    await t.test('it saw enough to mean something', () => {
      for (const [what, rate] of Object.entries(LEAST)) {
        assert.ok(seen[what] >= rate * seconds, `${what} are too few: ${JSON.stringify(seen)}`);
      }
    });
    await t.test('every process sees every change in time', () => {
      const late = violations.filter(({ kind }) => !BACK.includes(kind));
      judge(late, seen);
    });
    await t.test('nothing older than what a process has seen is ever returned there', () => {
      const back = violations.filter(({ kind }) => BACK.includes(kind));
      judge(back, seen);
    });
  });
}

module.exports = { LIMIT, SEED, TOLD, UNTOLD, proves };
