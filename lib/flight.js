'use strict';

/**
 * One run of a factory, as this thread's callers see it: who waits for it, and how its outcome reaches them.
 */

const { AsyncResource } = require('node:async_hooks');
const { deadline } = require('./deadline.js');
const { toCacheError } = require('./errors.js');
const { decode } = require('./codec.js');
const { frozen } = require('./frozen.js');
const { Cancellation } = require('./run.js');

/** @typedef {import('./native.js').Payload} Payload */
/** @typedef {import('./session.js').Session} Session */

/**
 * How a run ended. A value is copied for each caller.
 * @typedef {{ kind: 'value'; copy: () => unknown; json: boolean; superseded: number }
 *   | { kind: 'failed'; error: unknown }
 *   | { kind: 'abandoned' }} Outcome
 */

/**
 * @typedef {object} Waiter
 * @property {Session} session whose caller waits
 * @property {number} joined when, in the store's order
 * @property {(value: unknown) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {() => unknown} again asks anew
 * @property {() => void} stop ends its deadline
 */

/** One run, as this thread's callers see it. */
class Flight {
  /** Most runs have none. @type {Set<Waiter> | undefined} */
  #waiters;
  /** Whose factory runs, if it runs on this thread. @type {Session | undefined} */
  leader;
  /** What it computes, as the core knows it; known where it is led. */
  key = '';
  /** Ends the factory early. */
  cancellation = new Cancellation();
  /** Told when nobody waits any more. */
  #onEmpty;

  /** @param {() => void} onEmpty */
  constructor(onEmpty) {
    this.#onEmpty = onEmpty;
  }

  /**
   * @param {Session} session whose caller waits
   * @param {number} joined when, in the store's order
   * @param {() => unknown} again asks anew
   * @param {{ millis: number; error: () => Error }} bound how long this caller waits
   * @returns {Promise<unknown>}
   */
  join(session, joined, again, bound) {
    return new Promise((resolve, reject) => {
      const stop = deadline(bound.millis, () => {
        this.#waiters?.delete(waiter);
        reject(bound.error());
        this.#left();
      });
      // Who asks anew does so as the caller that it is, whoever ended the run.
      const waiter = { session, joined, resolve, reject, again: AsyncResource.bind(again), stop };
      this.#waiters ??= new Set();
      this.#waiters.add(waiter);
    });
  }

  /**
   * Rejects the callers of a session that closes.
   *
   * @param {Session} session
   * @param {Error} reason
   */
  leave(session, reason) {
    for (const waiter of this.#waiters ?? []) {
      if (waiter.session !== session) continue;
      this.#waiters?.delete(waiter);
      waiter.stop();
      waiter.reject(reason);
    }
    this.#left();
  }

  /** @param {Outcome} outcome */
  settle(outcome) {
    if (this.#waiters === undefined) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) {
      waiter.stop();
      try {
        if (outcome.kind === 'failed') {
          waiter.reject(outcome.error);
        } else if (outcome.kind === 'value' && isInTime(outcome, waiter)) {
          const value = outcome.copy();
          waiter.resolve(outcome.json && waiter.session.options.frozen ? frozen(value) : value);
        } else {
          // It joined after what this run computed was invalidated, or the run is gone.
          waiter.resolve(waiter.again());
        }
      } catch (error) {
        waiter.reject(toCacheError(error));
      }
    }
  }

  #left() {
    const isEmpty = this.#waiters === undefined || this.#waiters.size === 0;
    if (isEmpty && this.leader === undefined) this.#onEmpty();
  }
}

/**
 * Whether a caller joined before what the run computed was invalidated.
 *
 * @param {{ superseded: number }} outcome
 * @param {{ joined: number }} waiter
 */
const isInTime = ({ superseded }, { joined }) => superseded === 0 || joined < superseded;

/** What other threads are told of an error that cannot be put into words. */
const UNSPEAKABLE = JSON.stringify({
  name: 'Error',
  message: 'the factory failed with an error that cannot be read',
});

/** What other threads are told of a run that is given up: whoever waits computes anew. */
const GIVEN_UP = JSON.stringify({ givenUp: true });

/**
 * An error as text, for other threads. Never throws: the text is what ends the run for them.
 *
 * @param {unknown} error
 */
function errorText(error) {
  try {
    const { name, message, code } = /** @type {Error & { code?: unknown }} */ (error);
    const words = {
      name: `${name}`,
      message: `${message}`,
      code: typeof code === 'string' ? code : undefined,
    };
    return JSON.stringify(words);
  } catch {
    return UNSPEAKABLE;
  }
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
    return { kind: 'value', copy, json: typeof content === 'string', superseded: superseded ?? 0 };
  }
  if (outcome === 'abandoned') return { kind: 'abandoned' };
  const { name, message, code, givenUp } = JSON.parse(error ?? '{}');
  if (givenUp === true) return { kind: 'abandoned' };
  const thrown = Object.assign(new Error(message), code === undefined ? {} : { code });
  Object.defineProperty(thrown, 'name', { value: name, configurable: true, writable: true });
  return { kind: 'failed', error: thrown };
}

exports.Flight = Flight;
exports.GIVEN_UP = GIVEN_UP;
exports.errorText = errorText;
exports.outcomeOf = outcomeOf;
