'use strict';

/** Bounds on a wait: a deadline, or a caller's signal. */

const { getMaxListeners, setMaxListeners } = require('node:events');

/** Node's timers cannot count further (25 days); a deadline beyond it never comes. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Callers that may share a signal before Node warns of a leak: a request's signal goes to all its reads. */
const SHARED = 1000;

/**
 * Keeps the process alive until it comes or is stopped: somebody waits.
 *
 * @param {number} millis
 * @param {() => void} act
 * @returns {() => void} stops it
 */
function deadline(millis, act) {
  const timer = millis > LONGEST_TIMER ? setInterval(() => {}, LONGEST_TIMER) : setTimeout(act, millis);
  return () => clearTimeout(timer);
}

/**
 * Acts once when a signal aborts, at once if it has.
 *
 * @param {AbortSignal | undefined} signal
 * @param {() => void} act
 * @returns {() => void} stops listening
 */
function onAbort(signal, act) {
  if (signal === undefined) return () => {};
  if (signal.aborted) act();
  if (getMaxListeners(signal) < SHARED) setMaxListeners(SHARED, signal);
  signal.addEventListener('abort', act, { once: true });
  return () => signal.removeEventListener('abort', act);
}

/**
 * @param {Promise<unknown>} answer
 * @param {AbortSignal} signal
 */
function orAborted(answer, signal) {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason));
    void answer.then(resolve, reject).finally(stop);
  });
}

exports.LONGEST_TIMER = LONGEST_TIMER;
exports.deadline = deadline;
exports.onAbort = onAbort;
exports.orAborted = orAborted;
