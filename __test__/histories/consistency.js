'use strict';

/**
 * The consistency test of a driver: several processes run random operations on few keys and record what they did
 * and saw, and checker.js judges it.
 */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Cache, parseTtlMs } = require('../../index.js');
const { check } = require('./checker.js');
const { COUNTERS } = require('./client.js');
const { FAULTS } = require('./faults.js');
const { runFleet } = require('./fleet.js');
const { summarise } = require('./summary.js');

/**
 * How long the clients work, in seconds, where the driver does not say. FERROCACHE_CONSISTENCY_SECONDS in the
 * environment goes before both; FERROCACHE_CONSISTENCY_SEED makes the clients choose as they did in another run.
 */
const SECONDS = 60;
/** A planted fault shows within so many seconds; it is looked for that often. */
const FAULT_SECONDS = 1.5;
const FAULT_TRIES = 4;

/** What a run must have seen at least, for each second, to mean something; far below what any does. */
const LEAST = {
  operations: 100,
  hits: 30,
  misses: 10,
  puts: 5,
  invalidations: 5,
  flushes: 0.2,
  runs: 10,
  races: 1,
  joined: 1,
  joinedElsewhere: 0.2,
  counts: 10,
  holds: 5,
  refused: 0.2,
};

/** Of a thousand operations, so many may fail and so many locks be lost: a machine that is busy is no violation. */
const MOST_FAILED = 2;

/**
 * @typedef {object} Target
 * @property {string} name what the report calls it
 * @property {object | (() => object | Promise<object>)} options of a cache on a store that nobody else uses; they
 *   must survive being sent to another process
 * @property {boolean} [threads] worker threads instead of processes, for a driver that lives in one process
 * @property {number} [seconds] of the main run
 * @property {number} [rate] how much of what others do in a second is done here: a run takes as much longer, and must
 *   have seen as much
 * @property {number} [members] processes
 * @property {number} [clients] in each of them
 * @property {boolean} [kills] whether there is a run in which members die: a fifth as long
 * @property {boolean} [lateTags] whether factories name tags at their end
 * @property {number} [pace] how many times as long factories take, and locks live: on a slow server nobody else is done with anything
 *   while a short one runs, and nothing could be resurrected
 * @property {readonly string[]} [faults] names of faults that are planted and must be found
 */

/**
 * Registers the test for one driver.
 *
 * @param {Target} target
 */
function consistency({ kills = true, faults = [], rate = 1, ...target }) {
  const seconds = Number(process.env.FERROCACHE_CONSISTENCY_SECONDS ?? target.seconds ?? SECONDS);
  const limit = { timeout: (seconds / rate + 60) * 1000 };
  describe(`consistency of ${target.name}`, () => {
    test('random clients of several processes see no broken promise', limit, async (t) => {
      const { violations, seen } = await run(t, target, { seconds: seconds / rate });
      none(violations);
      enough(seen, seconds);
    });

    test('nor do they while processes are killed and replaced', { ...limit, skip: !kills }, async (t) => {
      const wheres = /** @type {const} */ (['factory', 'lock', 'anywhere', 'factory', 'anywhere', 'lock']);
      const { violations, seen, histories } = await run(t, target, {
        seconds: Math.max(3, seconds / 5) / rate,
        kills: wheres,
      });
      none(violations);
      const dead = histories.filter(({ killed }) => killed);
      assert.equal(dead.length, wheres.length);
      const left = dead.flatMap(({ operations }) => operations.filter(({ ok, error }) => !ok && !error));
      const in_ = (/** @type {string} */ op) => left.filter((operation) => operation.op === op);
      assert.ok(
        in_('remember').some(({ runs }) => runs?.length),
        'nobody died in a factory',
      );
      assert.ok(
        in_('lock').some(({ hold }) => hold),
        'nobody died with a lock',
      );
      assert.ok(seen.runs > 0);
    });

    for (const fault of faults) {
      test(`a planted fault is found: ${FAULTS[fault].what}`, { timeout: 60_000 }, async (t) => {
        const found = new Set();
        // The choices are random and the machine may be busy: a fault is given several chances.
        for (let tries = 0; tries < FAULT_TRIES && !hits(fault, found); tries += 1) {
          const { violations } = await run(t, target, { seconds: FAULT_SECONDS / rate, fault, tries });
          for (const { kind } of violations) found.add(kind);
        }
        assert.ok(hits(fault, found), `found ${[...found].join(', ') || 'nothing'}`);
      });
    }
  });
}

/**
 * @param {string} fault
 * @param {Set<string>} found
 */
function hits(fault, found) {
  return FAULTS[fault].finds.some((kind) => found.has(kind));
}

let runs = 0;

/**
 * Lets a fleet work, and judges what it did.
 *
 * @param {import('node:test').TestContext} t
 * @param {Omit<Target, 'kills' | 'faults'>} target
 * @param {{ seconds: number; kills?: readonly ('factory' | 'lock' | 'anywhere')[]; fault?: string; tries?: number }} plan
 */
async function run(t, target, { seconds, kills = [], fault, tries = 0 }) {
  const { options, threads = false, members = 3, clients = 8, lateTags = true, pace = 1 } = target;
  const { FERROCACHE_CONSISTENCY_SEED: fixed } = process.env;
  const seed = fixed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(fixed) + tries;
  const given = /** @type {any} */ (typeof options === 'function' ? await options() : options);
  runs += 1;
  const data = under(given, `data-${process.pid}-${runs}:`);
  const counts = under(given, `counts-${process.pid}-${runs}:`);
  // It keeps a store that ends with its last cache, and reads the counters at the end.
  const keeper = new Cache(counts);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrocache-histories-'));
  try {
    await keeper.ready();
    const histories = await runFleet({
      ...{ data, counts, folder, threads, members, clients, seconds, seed, kills, lateTags, pace, fault },
    });
    /** @type {Record<string, number>} */
    const counters = {};
    for (const key of Object.keys(COUNTERS)) counters[key] = (await keeper.get(key)) ?? 0;
    const operations = histories.flatMap((history) => history.operations);
    const leaseTtl = parseTtlMs(given.config?.leaseTtl ?? '5s') * 1e6;
    const violations = check({ operations, counters, leaseTtl });
    const seen = summarise(operations);
    if (fault === undefined) t.diagnostic(`seed ${seed}, ${JSON.stringify(seen)}`);
    else t.diagnostic(`seed ${seed}, ${seen.operations} operations, ${JSON.stringify(kindsOf(violations))}`);
    return { histories, violations, seen };
  } finally {
    await keeper.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The driver's options under a prefix of its own. What fails must say so: failing open, a read that could not be
 * had would look like a value that is gone.
 *
 * @param {any} given
 * @param {string} prefix
 */
function under(given, prefix) {
  const { prefix: own, ...config } = given.config ?? {};
  return { ...given, prefix: `${own ?? given.prefix ?? ''}${prefix}`, failOpen: false, config };
}

/** @param {readonly import('./checker.js').Violation[]} violations */
function none(violations) {
  if (violations.length === 0) return;
  const shown = violations
    .slice(0, 5)
    .map(({ kind, key, message, involved }) =>
      [`${kind} (${key}): ${message}`, ...involved.map((by) => `    ${JSON.stringify(by)}`)].join('\n'),
    );
  assert.fail(`${JSON.stringify(kindsOf(violations))}\n${shown.join('\n')}`);
}

/** @param {readonly import('./checker.js').Violation[]} violations */
function kindsOf(violations) {
  /** @type {Record<string, number>} */
  const kinds = {};
  for (const { kind } of violations) kinds[kind] = (kinds[kind] ?? 0) + 1;
  return kinds;
}

/**
 * @param {ReturnType<typeof summarise>} seen
 * @param {number} seconds
 */
function enough(seen, seconds) {
  const shown = JSON.stringify(seen);
  for (const [name, rate] of Object.entries(LEAST)) {
    const count = seen[/** @type {keyof typeof LEAST} */ (name)];
    assert.ok(count >= rate * seconds, `${name}: ${count} are too few to mean anything: ${shown}`);
  }
  assert.ok(seen.failed + seen.lost <= (seen.operations * MOST_FAILED) / 1000, `too much failed: ${shown}`);
  assert.equal(seen.unanswered, 0, shown);
}

module.exports = { consistency };
