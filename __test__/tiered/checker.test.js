'use strict';

// The checker of the tiers finds what is wrong, and nothing else, in histories that are written by hand.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { compute, flush, flushTags, forget, get, put } = require('../histories/story.js');
const { check, staleness } = require('./support/checker.js');

const BOUND = 100;

const at = (instance, ...operations) => operations.map((operation) => ({ ...operation, instance }));
const kinds = (...lists) => check({ operations: lists.flat(), bound: BOUND }).map(({ kind }) => kind);

describe('a process may be behind the others, for a while', () => {
  test('an old value within the bound is lawful', () => {
    const history = [
      at('p', put('k', 0, 10, 'old'), put('k', 20, 30, 'new')),
      at('q', get('k', 120, 125, 'old')),
    ];
    assert.deepEqual(kinds(...history), []);
    assert.deepEqual(staleness(history.flat()), [(120 - 30) / 1e6]);
  });
  const invalidations = {
    put: put('k', 20, 30, 'new'),
    forget: forget('k', 20, 30),
    'tag flush': flushTags(20, 30, ['t']),
    flush: flush(20, 30),
  };
  for (const [name, invalidation] of Object.entries(invalidations)) {
    test(`after the bound it is late: ${name}`, () => {
      const reads = at('q', get('k', 131, 140, 'old'));
      assert.deepEqual(kinds(at('p', put('k', 0, 10, 'old', ['t']), invalidation), reads), ['late']);
    });
    test(`in the same process it is wrong at once: ${name}`, () => {
      const own = at('p', put('k', 0, 10, 'old', ['t']), invalidation, get('k', 31, 40, 'old'));
      assert.deepEqual(kinds(own), ['resurrected']);
    });
  }
  test('a tag flush of another tag, and what overlaps, are no reason', () => {
    const writes = at(
      'p',
      put('k', 0, 10, 'old', ['t']),
      flushTags(20, 30, ['u']),
      put('k', 140, 500, 'new'),
    );
    assert.deepEqual(kinds(writes, at('q', get('k', 400, 410, 'old'))), []);
  });
  test('nothing where something was stored', () => {
    const writes = at('p', put('k', 0, 10, 'v'));
    assert.deepEqual(kinds(writes, at('q', get('k', 105, 110, null))), []);
    assert.deepEqual(kinds(writes, at('q', get('k', 111, 120, null))), ['absent']);
    assert.deepEqual(kinds(writes, at('p', get('k', 11, 20, null))), ['absent']);
    assert.deepEqual(kinds(writes, at('r', forget('k', 5, 8)), at('q', get('k', 500, 510, null))), []);
  });
});

test('a factory that runs while the lower tier is lost may be stored after it, where that spares it', () => {
  const made = at('p', compute('k', 0, 30, 'made', [1, 5]));
  const read = at('q', get('k', 200, 210, 'made'));
  assert.deepEqual(kinds(made, at('r', flush(10, 20)), read), ['late']);
  assert.deepEqual(kinds(made, at('r', { ...flush(10, 20), sparesRuns: true }), read), []);
  // Not what comes after it.
  const later = at('r', { ...flush(10, 20), sparesRuns: true }, forget('k', 40, 50));
  assert.deepEqual(kinds(made, later, read), ['late']);
});

test('nothing where a tagged write came last that was flushed before it was stored', () => {
  const late = at('q', put('k', 0, 300, 'late', ['t']), flushTags(10, 20, ['t']));
  const last = at('p', put('k', 30, 40, 'v'));
  assert.deepEqual(kinds(late, last, at('r', get('k', 290, 310, null))), []);
  assert.deepEqual(kinds(at('q', flushTags(10, 20, ['t'])), last, at('r', get('k', 290, 310, null))), [
    'absent',
  ]);
});

describe('a process never goes back', () => {
  const writes = at('p', put('k', 0, 10, 'old'), put('k', 20, 30, 'new'));
  test('from a newer value to an older one', () => {
    assert.deepEqual(kinds(writes, at('q', get('k', 31, 35, 'new'), get('k', 36, 40, 'old'))), ['went-back']);
  });
  test('whoever of its threads read', () => {
    const threads = [get('k', 31, 35, 'new'), get('k', 36, 40, 'old')];
    const reads = threads.map((read, thread) => ({ ...read, process: `q.${thread}`, instance: 'q' }));
    assert.deepEqual(kinds(writes, reads), ['went-back']);
  });
  test('another process may', () => {
    assert.deepEqual(kinds(writes, at('q', get('k', 31, 35, 'new')), at('r', get('k', 36, 40, 'old'))), []);
  });
  test('reads that overlap may', () => {
    assert.deepEqual(kinds(writes, at('q', get('k', 31, 37, 'new'), get('k', 36, 40, 'old'))), []);
  });
  test('writes that overlap have no order', () => {
    const both = at('p', put('k', 0, 10, 'one'), put('k', 5, 15, 'other'));
    assert.deepEqual(kinds(both, at('q', get('k', 20, 25, 'one'), get('k', 26, 30, 'other'))), []);
  });
  test('a value that was gone does not return', () => {
    const other = at('p', put('k', 0, 10, 'v'), forget('k', 5, 40));
    const reads = at('q', get('k', 11, 12, 'v'), get('k', 13, 14, null), get('k', 15, 16, 'v'));
    assert.deepEqual(kinds(other, reads), ['returned']);
  });
});

test('what nobody wrote is invented', () => {
  assert.deepEqual(kinds(at('p', get('k', 0, 10, 'v'))), ['invented']);
  assert.deepEqual(kinds(at('p', put('k', 20, 30, 'v'), get('k', 0, 10, 'v'))), ['invented']);
  assert.deepEqual(kinds(at('p', put('other', 0, 5, 'v'), get('k', 6, 10, 'v'))), ['invented']);
});
