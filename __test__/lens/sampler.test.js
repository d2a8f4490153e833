'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { createSampler } = require('../../lib/lens-sampler.js');

/** A sampler on a clock that the test moves, and what it logged. */
function createTimed(t, rate) {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const lines = [];
  const logger = { warn: (details) => lines.push(details), error() {} };
  const sampler = createSampler(rate, logger);
  return {
    sampler,
    lines,
    advance(ms) {
      now += ms;
      t.mock.timers.tick(ms);
    },
    /** How many of `count` events pass. */
    take: (count) => Array.from({ length: count }, () => sampler.take()).filter(Boolean).length,
  };
}

test('up to the rate everything passes and nothing is logged', (t) => {
  const { advance, lines, take } = createTimed(t, 1_000);
  for (let second = 0; second < 5; second += 1) {
    assert.equal(take(1_000), 1_000);
    advance(1_000);
  }
  assert.deepEqual(lines, []);
});

test('above the rate the events that pass are spread over time', (t) => {
  const { advance, take } = createTimed(t, 1_000);
  take(1_000);
  for (let step = 0; step < 10; step += 1) {
    advance(100);
    assert.equal(take(1_000), 100);
  }
});

test('what was dropped is logged once a second at most', (t) => {
  const { advance, lines, take } = createTimed(t, 10);
  take(15);
  take(15);
  assert.deepEqual(lines, []);
  advance(1_000);
  assert.deepEqual(lines, [{ dropped: 20, maxEventsPerSecond: 10 }]);
  advance(10_000);
  assert.equal(lines.length, 1);
  take(11);
  advance(999);
  assert.equal(lines.length, 1);
  advance(1);
  assert.deepEqual(lines[1], { dropped: 1, maxEventsPerSecond: 10 });
});

test('stop logs what is left, once', (t) => {
  const { advance, lines, sampler, take } = createTimed(t, 1);
  take(4);
  sampler.stop();
  assert.deepEqual(lines, [{ dropped: 3, maxEventsPerSecond: 1 }]);
  sampler.stop();
  advance(10_000);
  assert.equal(lines.length, 1);
});

test('a rate below one a second lets events pass', (t) => {
  const { advance, take } = createTimed(t, 0.5);
  assert.equal(take(3), 1);
  advance(2_000);
  assert.equal(take(3), 1);
});

test('a logger that throws is survived, and none is needed', (t) => {
  t.mock.method(performance, 'now', () => 0);
  const throwing = createSampler(1, {
    warn() {
      throw new Error('no disk');
    },
    error() {},
  });
  for (const sampler of [throwing, createSampler(1, undefined)]) {
    sampler.take();
    sampler.take();
    sampler.failed(new Error('x'));
    sampler.stop();
  }
});
