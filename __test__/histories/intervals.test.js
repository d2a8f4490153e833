'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const fc = require('fast-check');
const { fuzz } = require('../support/fuzz.js');
const { Intervals } = require('./intervals.js');

const moment = fc.integer({ min: 0, max: 20 });
const interval = fc
  .tuple(moment, fc.oneof(moment, fc.constant(Infinity)))
  .map(([start, length]) => ({ start, end: start + length }));

test('the questions are answered as by looking at every interval', () =>
  fuzz(
    fc.property(fc.array(interval), moment, moment, (list, from, to) => {
      const intervals = new Intervals(list);
      const within = list.filter(({ start, end }) => start > from && end < to);
      const touching = list.filter(({ start, end }) => start < to && end > from);
      const starting = list.filter(({ start }) => start > from && start < to);

      const one = intervals.within(from, to);
      assert.ok(one === undefined ? within.length === 0 : within.includes(one));
      const other = intervals.touching(from, to);
      assert.ok(other === undefined ? touching.length === 0 : touching.includes(other));
      assert.equal([...intervals.starting(from, to)].length, starting.length);
    }),
    { numRuns: 500 },
  ));
