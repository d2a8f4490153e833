'use strict';

const { test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');

const defaults = {
  manualClock: true,
  evicts: true,
  expires: true,
  counts: true,
  emptyPrefix: true,
  /** Whether who tries to change a value that was read is refused. */
  frozen: false,
  tier: 'memory',
  driver: 'memory',
};

/** How much later than asked a real clock is read, for what the backend rounds. */
const MARGIN = 30;

/** How long one test may hang before it fails; far above what any takes. */
const LIMIT = 20_000;

/** What a suite works with, made from a driver's `open` and `capabilities`. */
function harness({ open, capabilities }) {
  const able = { ...defaults, ...capabilities };
  const manual = new WeakSet();

  async function start(options) {
    const wanted = able.manualClock ? { clock: 'manual', ...options } : { ...options };
    if (!able.manualClock) delete wanted.clock;
    const cache = await open(wanted);
    if (wanted.clock === 'manual') manual.add(cache);
    await cache.ready();
    return cache;
  }

  /** A test with a cache of its own: `check(name, [options], body(cache))`. */
  function check(name, ...rest) {
    const body = rest.pop();
    const options = rest.pop() ?? {};
    test(name, { timeout: LIMIT }, async () => {
      const cache = await start(options);
      try {
        await body(cache);
      } finally {
        await cache.close();
      }
    });
  }

  /** Lets `milliseconds` pass: moves the clock, or waits where there is none to move. */
  async function pass(cache, milliseconds) {
    if (manual.has(cache)) cache.clock.advance(milliseconds / 1000);
    else await sleep(milliseconds + MARGIN);
  }

  /** Whether a remaining life in seconds is what it should be. */
  function lives(actual, expected) {
    if (expected === Infinity || actual === null) return actual === expected;
    return able.manualClock ? actual === expected : actual <= expected && actual > expected - 5;
  }

  return { able, check, lives, pass };
}

module.exports = { harness };
