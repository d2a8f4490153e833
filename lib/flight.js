'use strict';

/**
 * One run of a factory, as this thread's callers see it: who waits for it, and how its outcome reaches them.
 */

const { toCacheError } = require('./errors.js');
const { decode } = require('./codec.js');

/** @typedef {import('./native.js').Payload} Payload */
/** @typedef {import('./session.js').Session} Session */

/**
 * How a run ended. A value is copied for each caller.
 * @typedef {{ kind: 'value'; copy: () => unknown; superseded: number }
 *   | { kind: 'failed'; error: unknown }
 *   | { kind: 'abandoned' }} Outcome
 */

/** One run, as this thread's callers see it. */
class Flight {
  /** @type {{ session: Session; joined: number; resolve: (value: unknown) => void; reject: (error: unknown) => void; again: () => unknown }[]} */
  #waiters = [];
  /** Whose factory runs, if it runs on this thread. @type {Session | undefined} */
  leader;
  /** Aborts the factory. */
  controller = new AbortController();

  /**
   * @param {Session} session whose caller waits
   * @param {number} joined when, in the store's order
   * @param {() => unknown} again asks anew
   * @returns {Promise<unknown>}
   */
  join(session, joined, again) {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ session, joined, resolve, reject, again });
    });
  }

  /**
   * Rejects the callers of a session that closes.
   *
   * @param {Session} session
   * @param {Error} reason
   */
  leave(session, reason) {
    const leaving = this.#waiters.filter((waiter) => waiter.session === session);
    this.#waiters = this.#waiters.filter((waiter) => waiter.session !== session);
    for (const waiter of leaving) waiter.reject(reason);
  }

  /** @param {Outcome} outcome */
  settle(outcome) {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      try {
        if (outcome.kind === 'failed') {
          waiter.reject(outcome.error);
        } else if (
          outcome.kind === 'value' &&
          (outcome.superseded === 0 || waiter.joined < outcome.superseded)
        ) {
          waiter.resolve(outcome.copy());
        } else {
          // It joined after what this run computed was invalidated, or the run is gone.
          waiter.resolve(waiter.again());
        }
      } catch (error) {
        waiter.reject(toCacheError(error));
      }
    }
  }
}

/** @param {unknown} error */
function errorText(error) {
  const { name, message, code } = /** @type {Error & { code?: unknown }} */ (error);
  return JSON.stringify({
    name: String(name),
    message: String(message),
    code: typeof code === 'string' ? code : undefined,
  });
}

/**
 * @param {import('./native.js').Notice} notice
 * @returns {Outcome}
 */
function outcomeOf({ outcome, payload, superseded, error }) {
  if (outcome === 'value') {
    // A Buffer crosses once and is copied for each caller; text is decoded for each.
    const content = /** @type {Payload} */ (payload);
    const copy = () => (Buffer.isBuffer(content) ? Buffer.from(content) : decode(content));
    return { kind: 'value', copy, superseded: superseded ?? 0 };
  }
  if (outcome === 'abandoned') return { kind: 'abandoned' };
  const { name, message, code } = JSON.parse(error ?? '{}');
  const thrown = Object.assign(new Error(message), code === undefined ? {} : { code });
  Object.defineProperty(thrown, 'name', { value: name, configurable: true, writable: true });
  return { kind: 'failed', error: thrown };
}

exports.Flight = Flight;
exports.errorText = errorText;
exports.outcomeOf = outcomeOf;
