'use strict';

/** Keeping a lock while a callback runs under it. */

const { LONGEST_TIMER } = require('./deadline.js');

/** A lock is renewed when a third of its life is over: two tries may fail before it is lost. */
const RENEWALS = 3;

/**
 * Renews a lock until stopped. It is lost when the core says so; while a backend does not answer, when its life
 * is over, counted from before the last renewal that was confirmed.
 *
 * @param {object} lock
 * @param {number} lock.ttl milliseconds
 * @param {number} lock.since when it was asked for, by `performance.now()`
 * @param {() => boolean | Promise<boolean>} lock.extend whether the lock was ours still
 * @param {() => void} lock.lose
 * @param {(error: unknown) => void} lock.report told why a renewal was not answered
 * @returns {() => void} stops it
 */
function renewal({ ttl, since, extend, lose, report }) {
  let until = since + ttl;
  let asking = false;
  /** @type {NodeJS.Timeout | undefined} */
  let lapse;
  // A timer may come a little early, by this clock.
  const lapseAfter = (/** @type {number} */ millis) => {
    clearTimeout(lapse);
    lapse = setTimeout(lapsed, Math.min(LONGEST_TIMER, Math.ceil(millis) + 1)).unref();
  };
  const lapsed = () => {
    const left = until - performance.now();
    if (left > 0) lapseAfter(left);
    else lose();
  };
  let stopped = false;
  const told = (/** @type {boolean} */ ours, /** @type {number} */ sent) => {
    if (stopped) return;
    if (!ours) return void lose();
    until = sent + ttl;
    lapseAfter(until - performance.now());
  };
  const renew = () => {
    if (asking) return;
    const sent = performance.now();
    const answer = extend();
    if (answer instanceof Promise) {
      asking = true;
      if (lapse === undefined) lapseAfter(until - sent);
      const answered = answer.then((ours) => told(ours, sent), report);
      void answered.finally(() => {
        asking = false;
      });
    } else if (!answer) {
      lose();
    }
  };
  const timer = setInterval(renew, Math.min(LONGEST_TIMER, Math.max(1, ttl / RENEWALS)));
  // The callback's own work keeps the process alive; renewing is no work.
  timer.unref();
  return () => {
    stopped = true;
    clearInterval(timer);
    clearTimeout(lapse);
  };
}

exports.renewal = renewal;
