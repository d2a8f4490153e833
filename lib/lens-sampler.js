'use strict';

/**
 * Keeps the events that reach Lens below a rate, and reports what it kept out.
 *
 * Lens's queue has no bound and is drained at 100 to 1,000 entries a second, so a busy cache would
 * fill the memory of the process that it is meant to observe.
 */

/** Events a second that Lens's queue keeps up with. */
const DEFAULT_RATE = 1_000;
/** The shortest time between two reports, in milliseconds. */
const REPORT_INTERVAL_MS = 1_000;

/**
 * @typedef {object} LensSampler
 * @property {() => boolean} take whether one more event may pass now
 * @property {(error: unknown) => void} failed counts an event that Lens did not take
 * @property {() => void} stop reports what is left and ends the timer
 */

/**
 * A token bucket: a burst of up to `rate` events passes whole; under a steady overload the events
 * that pass are spread over time, not taken from the start of each second.
 *
 * @param {number} rate events a second; finite and positive
 * @param {import('../index.js').CacheLogger | undefined} logger takes one line a second at most
 * @returns {LensSampler}
 */
function createSampler(rate, logger) {
  let tokens = rate;
  let refilledAt = performance.now();
  let dropped = 0;
  let failures = 0;
  /** @type {unknown} */
  let lastFailure;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const report = () => {
    timer = undefined;
    try {
      if (dropped > 0) {
        logger?.warn(
          { dropped, maxEventsPerSecond: rate },
          `${dropped} cache events were not shown in Lens: more than ${rate} a second`,
        );
      }
      if (failures > 0) {
        logger?.warn({ failures, err: lastFailure }, `${failures} cache events could not be given to Lens`);
      }
    } catch {
      // A logger that throws must not end the process from a timer.
    }
    dropped = 0;
    failures = 0;
    lastFailure = undefined;
  };

  const schedule = () => {
    // A report never keeps the process alive.
    timer ??= setTimeout(report, REPORT_INTERVAL_MS).unref();
  };

  return {
    take() {
      const now = performance.now();
      tokens = Math.min(rate, tokens + ((now - refilledAt) / 1_000) * rate);
      refilledAt = now;
      // A rate below one a second would never fill a whole token.
      if (tokens >= Math.min(1, rate)) {
        tokens = Math.max(0, tokens - 1);
        return true;
      }
      dropped += 1;
      schedule();
      return false;
    },
    failed(error) {
      failures += 1;
      lastFailure = error;
      schedule();
    },
    stop() {
      clearTimeout(timer);
      report();
    },
  };
}

module.exports = { createSampler, DEFAULT_RATE };
