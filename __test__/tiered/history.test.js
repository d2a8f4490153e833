'use strict';

// Four processes with two threads each, each process with an upper tier of its own over one Redis: what they read,
// and how far behind it may be. A file of its own: `npm test` gives a file two minutes.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { groupBy } = require('../histories/intervals.js');
const { check } = require('./support/checker.js');
const { runFleet } = require('./support/fleet.js');
const { LIMIT, SEED, TOLD, UNTOLD, proves } = require('./support/prove.js');
require('../support/alive.js');

proves('a fleet that nothing happens to', 0.2, {}, TOLD);
proves('connections are ended, streams stand still, the server dies', 0.5, { faults: true }, UNTOLD);
proves('the same where processes tell each other', 0.3, { faults: true, plain: true }, UNTOLD);

describe('the checker finds', () => {
  test('a stream that loses a change', LIMIT, async () => {
    const tries = [];
    // What is lost shows only where nothing else changes the key for a second: two of three passes have that.
    for (let pass = 0; pass < 8; pass += 1) {
      const { operations } = await runFleet({ seconds: 4, seed: SEED + pass, instances: 2, deaf: 3 });
      if (check({ operations, bound: TOLD }).some(({ kind }) => kind === 'late')) return;
      tries.push(operations.length);
    }
    assert.fail(`in none of these histories was it seen: ${tries.join(', ')}`);
  });

  test('a single answer that was not the last', LIMIT, async () => {
    const { operations } = await runFleet({ seconds: 1, seed: SEED, instances: 2 });
    const kinds = (list) => check({ operations: list, bound: TOLD }).map(({ kind }) => kind);
    const found = kinds(operations);
    // Of a key that was written twice, the first value is given once more at the end.
    const puts = groupBy(
      operations.filter(({ op, ok }) => op === 'put' && ok),
      (put) => [put.key],
    );
    const [[first, second]] = [...puts.values()].filter(([one, other]) => one.end < (other?.start ?? 0));
    const { key, value } = first;
    const [start, end] = [second.end + 2 * TOLD, second.end + 2 * TOLD + 1];
    const stale = { process: 'p0.0', instance: 'p0', op: 'get', key, value, start, end, ok: true, runs: [] };
    const planted = kinds([...operations, /** @type {any} */ (stale)]);
    assert.ok(planted.length > found.length, `${planted}`);
    assert.ok(planted.some((kind) => kind === 'late' || kind === 'resurrected'));
  });
});
