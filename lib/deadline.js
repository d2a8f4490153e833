'use strict';

/** Bounds on a wait: a deadline, or a caller's signal. */

/** Node's timers cannot count further (25 days); a deadline beyond it never comes. */
const LONGEST_TIMER = 2 ** 31 - 1;

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
 * @param {Promise<unknown>} answer
 * @param {AbortSignal} signal
 */
function orAborted(answer, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

exports.deadline = deadline;
exports.orAborted = orAborted;
