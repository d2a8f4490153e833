'use strict';

// The fleet itself: its processes agree on the time, die where they are told to, and leave their histories. Each
// has a memory store of its own here, so nothing is shared: the checker must say so.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { check } = require('./checker.js');
const { runFleet } = require('./fleet.js');
const { summarise } = require('./summary.js');
require('../support/alive.js');

const LIMIT = { timeout: 60_000 };

async function fleet(t, kills) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrocache-histories-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const options = { driver: 'memory' };
  return runFleet({
    ...{ folder, kills, data: options, counts: options, threads: false, members: 2, clients: 6 },
    ...{ seconds: 1.5, seed: 1, lateTags: false, pace: 1, fault: undefined },
  });
}

test('processes that share nothing are found out in every way', LIMIT, async (t) => {
  const histories = await fleet(t, []);
  const operations = histories.flatMap((history) => history.operations);
  const seen = summarise(operations);
  assert.ok(seen.hits > 20 && seen.runs > 20 && seen.holds > 5, JSON.stringify(seen));
  assert.equal(seen.failed + seen.unanswered, 0, JSON.stringify(seen));
  assert.equal(seen.joinedElsewhere, 0);
  const kinds = new Set(check({ operations, counters: {} }).map(({ kind }) => kind));
  for (const kind of ['resurrected', 'vanished', 'two-runs', 'lost-count', 'two-holders']) {
    assert.ok(kinds.has(/** @type {any} */ (kind)), `${kind} is not among ${[...kinds].join(', ')}`);
  }
});

test('each alone, they keep every promise', LIMIT, async (t) => {
  for (const { operations } of await fleet(t, [])) assert.deepEqual(check({ operations }), []);
});

test('processes die in a factory, with a lock and anywhere, and leave what they did', LIMIT, async (t) => {
  const histories = await fleet(t, ['factory', 'lock', 'anywhere']);
  assert.equal(histories.length, 5);
  const dead = histories.filter(({ killed }) => killed);
  assert.equal(dead.length, 3);
  const cut = dead.map(({ operations }) => operations.filter(({ ok, error }) => !ok && !error));
  assert.ok(cut.some((list) => list.some(({ op, runs }) => op === 'remember' && runs.length > 0)));
  assert.ok(cut.some((list) => list.some(({ op, hold }) => op === 'lock' && hold)));
  for (const { end } of cut.flat()) assert.ok(Number.isFinite(end));
  // The heirs went to work.
  for (const { operations } of histories) assert.ok(operations.length > 0);
});
