'use strict';

// The checker on hand-written histories: factory runs, counters and locks.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const story = require('./story.js');

const { ask, compute, count, flush, flushTags, forget, get, hold, kinds, put, read, unseen } = story;

const found = (name, operations, expected, more) => {
  test(name, () => assert.deepEqual(kinds(operations, more), expected));
};
const allowed = (name, operations, more) => found(name, operations, [], more);

describe('two runs', () => {
  const first = compute('k', 10, 20, 'v', [11, 19], { tags: ['t'] });
  const second = compute('k', 12, 30, 'w', [15, 29]);

  found('of one key at a time are too many', [first, second], ['two-runs']);
  found(
    'one after the other are too many if nothing was invalidated',
    [first, compute('k', 25, 30, 'w', [26, 29])],
    ['two-runs'],
  );
  found(
    'are too many if a waiter runs its own after the one it waited for',
    [first, compute('k', 12, 30, 'w', [21, 29])],
    ['two-runs'],
  );
  found(
    'are too many if what was invalidated is another key',
    [first, forget('j', 13, 14), flushTags(13, 14, ['other']), second],
    ['two-runs'],
  );
  found(
    'are too many if the invalidation came after both began',
    [first, second, forget('k', 16, 17)],
    ['two-runs'],
  );
  found(
    'are too many while a third fails',
    [first, compute('k', 11, 15, 'x', [12, 14], { returned: false, ok: false })],
    ['two-runs'],
  );

  allowed('are allowed when the key was forgotten between them', [first, forget('k', 13, 14), second]);
  allowed('are allowed when the key was put between them', [first, put('k', 13, 14, 'x'), second]);
  allowed('are allowed after a flush', [first, flush(13, 14), second]);
  allowed('are allowed after a flush of a tag of the first', [first, flushTags(13, 14, ['t']), second]);
  allowed('are allowed if the invalidation may have come between them', [first, forget('k', 9, 40), second]);
  allowed('are allowed if nobody knows of the invalidation', [first, unseen('forget', 'k', 13), second]);
  allowed('are allowed for two keys', [first, compute('j', 12, 30, 'w', [15, 29])]);
  allowed('are allowed after one that failed', [
    compute('k', 10, 20, 'v', [11, 19], { returned: false, ok: false }),
    compute('k', 12, 30, 'w', [20, 29]),
  ]);
  allowed('are allowed after one whose process died', [
    unseen('remember', 'k', 10, { runs: [{ id: 'v', start: 11, end: 14, tags: [], returned: false }] }),
    second,
  ]);
  allowed('are allowed when the first outlived its lease', [first, second], { leaseTtl: 4 });
  found('are too many while the lease lives', [first, second], ['two-runs'], { leaseTtl: 6 });
  allowed('are allowed if the later one may have had its lease first', [
    compute('k', 14, 20, 'v', [15, 19]),
    compute('k', 10, 30, 'w', [16, 29]),
    forget('k', 12, 13),
  ]);
  allowed('are not what joining is', [first, ask('k', 12, 20, 'v'), get('k', 21, 22, 'v')]);
});

describe('a counter', () => {
  const steps = [count('c', 1, 2, 5, 5), count('c', 3, 4, 2, 7)];

  allowed('whose steps add up is good', [...steps, read('c', 5, 6, 7)], { counters: { c: 7 } });
  allowed('that nobody stepped is good', [read('c', 1, 2, null)], { counters: { c: 0 } });
  allowed(
    'whose overlapping steps took effect the other way round is good',
    [count('c', 1, 4, 5, 7), count('c', 2, 3, 2, 2)],
    { counters: { c: 7 } },
  );
  allowed(
    'that goes down is good',
    [count('c', 1, 2, -5, -5), count('c', 3, 4, -2, -7), read('c', 5, 6, -7)],
    { counters: { c: -7 } },
  );
  allowed('may hold a step that was not acknowledged', [...steps, unseen('count', 'c', 3, { step: 100 })], {
    counters: { c: 107 },
  });
  allowed(
    'need not hold a step that was not acknowledged',
    [...steps, unseen('count', 'c', 3, { step: 100 })],
    { counters: { c: 7 } },
  );
  allowed(
    'may show a step that was not acknowledged in the midst of others',
    [count('c', 1, 2, 5, 5), unseen('count', 'c', 1, { step: 100 }), count('c', 3, 4, 2, 107)],
    { counters: { c: 107 } },
  );

  found(
    'whose steps gave the same number has lost one',
    [count('c', 1, 4, 5, 5), count('c', 2, 3, 5, 5)],
    ['lost-count'],
    { counters: { c: 5 } },
  );
  found(
    'whose steps began at the same number has lost one',
    [count('c', 1, 4, 5, 5), count('c', 2, 3, 7, 7)],
    ['lost-count'],
  );
  found('that ends below the sum has lost a step', steps, ['lost-count'], { counters: { c: 5 } });
  found('that ends above the sum has counted one twice', steps, ['lost-count'], { counters: { c: 9 } });
  found(
    'that jumps has counted what nobody stepped',
    [count('c', 1, 2, 5, 5), count('c', 3, 4, 2, 9)],
    ['lost-count'],
  );
  found(
    'that jumps by what no unacknowledged steps come to is wrong',
    [...steps, unseen('count', 'c', 3, { step: 100 })],
    ['lost-count'],
    { counters: { c: 57 } },
  );
  found('that is gone has lost all', steps, ['lost-count'], { counters: { c: 0 } });
  found(
    'that is read below what was acknowledged went back',
    [...steps, read('c', 5, 6, 5)],
    ['count-order'],
  );
  allowed('may be read below what is not yet acknowledged', [...steps, read('c', 3, 6, 5)]);
});

describe('a lock', () => {
  const first = hold(0, [1, 10], 11, 1);

  allowed('may be held by one after the other', [first, hold(2, [11, 20], 21, 2)]);
  found('must not be held by two', [first, hold(2, [9, 20], 21, 2)], ['two-holders']);
  found(
    'must not be held by two, however long the second waited',
    [hold(0, [1, 1000], 1001, 1), hold(2, [900, 950], 951, 2)],
    ['two-holders'],
  );
  allowed('may be taken over after it was lost', [
    hold(0, [1, 1000], 1001, 1, 'lost'),
    hold(2, [900, 950], 951, 2),
  ]);
  allowed('may be taken over when the life of a dead holder is over', [
    hold(0, [1, 1000], Infinity, 1, 'unknown'),
    hold(2, [401, 450], 451, 2),
  ]);
  found(
    'must not be taken over while a dead holder was alive',
    [hold(0, [1, 100], Infinity, 1, 'unknown'), hold(2, [50, 60], 61, 2)],
    ['two-holders'],
  );
  found('must not be lost before its life is over', [hold(0, [1, 100], 101, 1, 'lost')], ['lost-early']);
  allowed('may be lost when its life is over', [hold(0, [1, 400], 401, 1, 'lost')]);

  found('must not give a number twice', [first, hold(20, [21, 30], 31, 1)], ['fence']);
  found(
    'must give a higher number to who asks later',
    [hold(0, [1, 10], 11, 5), hold(20, [21, 500], 501, 4, 'lost')],
    ['fence', 'fence'],
  );
  found(
    'must give a higher number to who has it later',
    [hold(0, [1, 10], 11, 5), hold(0, [12, 20], 21, 4)],
    ['fence'],
  );
  allowed('may give any order to who asked at once and lost it', [
    hold(0, [401, 402], 403, 5, 'lost'),
    hold(0, [401, 402], 403, 4, 'lost'),
  ]);
});
