'use strict';

// The checker on hand-written histories: values. Each violation has a neighbour that is allowed.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { ask, compute, flush, flushTags, forget, get, kinds, put, unseen } = require('./story.js');

const found = (name, operations, expected) => {
  test(name, () => assert.deepEqual(kinds(operations), expected));
};
const allowed = (name, operations) => found(name, operations, []);

describe('a resurrected value', () => {
  const computed = compute('k', 10, 20, 'v', [11, 19], { tags: ['t'] });

  found(
    'is one that is read after a forget that began while its factory ran',
    [computed, forget('k', 12, 13), get('k', 21, 22, 'v')],
    ['resurrected'],
  );
  found('is found after a flush', [computed, flush(12, 13), get('k', 21, 22, 'v')], ['resurrected']);
  found(
    'is found after a flush of one of its tags',
    [computed, flushTags(12, 13, ['other', 't']), get('k', 21, 22, 'v')],
    ['resurrected'],
  );
  found(
    'is found when a remember is given it that began after the forget and joined',
    [computed, forget('k', 12, 13), ask('k', 14, 20, 'v')],
    ['resurrected'],
  );
  found(
    'is found after a put of another value',
    [computed, put('k', 12, 13, 'w'), get('k', 21, 22, 'v')],
    ['resurrected'],
  );
  found(
    'is one that was put, forgotten and is read',
    [put('k', 1, 2, 'v'), forget('k', 3, 4), get('k', 5, 6, 'v')],
    ['resurrected'],
  );
  found(
    'is one that was put before another was',
    [put('k', 1, 2, 'v'), put('k', 3, 4, 'w'), get('k', 5, 6, 'v')],
    ['resurrected'],
  );

  allowed('is none if the forget began before the factory', [
    computed,
    forget('k', 5, 13),
    get('k', 21, 22, 'v'),
  ]);
  allowed('is none if the read began before the forget had ended', [
    computed,
    forget('k', 12, 22),
    get('k', 21, 23, 'v'),
  ]);
  allowed('is none if another key was forgotten', [computed, forget('j', 12, 13), get('k', 21, 22, 'v')]);
  allowed('is none if other tags were flushed', [
    computed,
    flushTags(12, 13, ['other']),
    get('k', 21, 22, 'v'),
  ]);
  allowed('is none if nobody knows whether the forget took effect', [
    computed,
    unseen('forget', 'k', 12),
    get('k', 21, 22, 'v'),
  ]);
  allowed('is none for the leader itself, and for who asked before the forget', [
    computed,
    forget('k', 12, 13),
    ask('k', 11, 20, 'v'),
  ]);
  allowed('is none if two puts overlapped', [put('k', 1, 4, 'v'), put('k', 2, 3, 'w'), get('k', 5, 6, 'v')]);
  allowed('is none if the put failed: it may have come late', [
    unseen('put', 'k', 1, { value: 'v', tags: [] }),
    forget('k', 3, 4),
    get('k', 5, 6, 'v'),
  ]);
});

describe('an invented value', () => {
  found('is one that nobody wrote', [get('k', 1, 2, 'v')], ['invented']);
  found('is one of another key', [put('j', 1, 2, 'v'), get('k', 3, 4, 'v')], ['invented']);
  found('is one that was not yet written', [get('k', 1, 2, 'v'), put('k', 3, 4, 'v')], ['invented']);
  allowed('is none if its put is still under way', [put('k', 1, 9, 'v'), get('k', 2, 3, 'v')]);
});

describe('a vanished value', () => {
  found('is one that was put and is not there', [put('k', 1, 2, 'v'), get('k', 3, 4, null)], ['vanished']);
  found(
    'is one for which a factory runs',
    [put('k', 1, 2, 'v'), compute('k', 3, 6, 'w', [4, 5])],
    ['vanished'],
  );
  found(
    'is one that was computed, read and is not there',
    [compute('k', 1, 4, 'v', [2, 3]), get('k', 5, 6, 'v'), get('k', 7, 8, null)],
    ['vanished'],
  );
  allowed('is none if it was forgotten', [put('k', 1, 2, 'v'), forget('k', 3, 4), get('k', 5, 6, null)]);
  allowed('is none if a forget overlaps the put', [
    put('k', 1, 4, 'v'),
    forget('k', 2, 3),
    get('k', 5, 6, null),
  ]);
  allowed('is none if a forget may still take effect', [
    unseen('forget', 'k', 0),
    put('k', 1, 2, 'v'),
    get('k', 3, 4, null),
  ]);
  allowed('is none if a tag was flushed, as an overlapping put may have had it', [
    put('k', 1, 2, 'v'),
    flushTags(3, 4, ['t']),
    get('k', 5, 6, null),
  ]);
  allowed('is none if the read began before the put had ended', [put('k', 1, 4, 'v'), get('k', 3, 5, null)]);
  allowed('is none if only the factory ended, and nobody saw the value', [
    compute('k', 1, 9, 'v', [2, 3]),
    get('k', 4, 5, null),
  ]);
});

describe('a returned value', () => {
  const puts = [put('k', 0, 99, 'v'), put('k', 0, 99, 'w')];

  found(
    'is read, then another, then it again',
    [...puts, get('k', 1, 2, 'v'), get('k', 3, 4, 'w'), get('k', 5, 6, 'v')],
    ['returned'],
  );
  found(
    'is read, then nothing, then it again',
    [
      put('k', 0, 99, 'v'),
      forget('k', 0, 99),
      get('k', 1, 2, 'v'),
      get('k', 3, 4, null),
      get('k', 5, 6, 'v'),
    ],
    ['returned'],
  );
  allowed('is none if the reads overlap', [
    ...puts,
    get('k', 1, 4, 'v'),
    get('k', 3, 6, 'w'),
    get('k', 5, 7, 'v'),
  ]);
  allowed('is none if it was not there before', [...puts, get('k', 1, 2, 'w'), get('k', 5, 6, 'v')]);
});
