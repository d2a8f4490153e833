'use strict';

/** The factory of a `remember`, under its deadline. */

const { types } = require('node:util');
const { CacheTimeoutError, describe, makeError } = require('./errors.js');
const { deadline } = require('./deadline.js');
const { toMillis } = require('./ttl.js');

/** @typedef {import('./flights.js').Request} Request */
/** @typedef {import('../index.js').RememberContext} RememberContext */

/** Ends a factory early. Most never look at their signal, and making one takes microseconds. */
class Cancellation {
  /** @type {AbortController | undefined} */
  #controller;
  /** @type {{ reason: unknown } | undefined} */
  #aborted;
  /** @type {((reason: unknown) => void) | undefined} */
  #act;

  /** The factory's signal, made when it is first asked for. */
  get signal() {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** @param {unknown} reason */
  abort(reason) {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
    this.#act?.(reason);
  }

  /**
   * Acts when it is aborted, at once if it has been.
   *
   * @param {(reason: unknown) => void} act
   */
  onAbort(act) {
    if (this.#aborted === undefined) this.#act = act;
    else act(this.#aborted.reason);
  }
}

/** @typedef {{ ttl: number; tags: readonly string[]; keep: boolean }} Result what a factory may set of it */

const CANCELLATION = Symbol('cancellation');

/**
 * What a factory is given. The signal's getter is the class's: one in a literal would be defined anew for each. No
 * private name: a factory may look at it through a proxy.
 *
 * @implements {RememberContext}
 */
class Context {
  /** @type {Cancellation} */
  [CANCELLATION];
  key;
  /** @type {RememberContext['setTtl']} */
  setTtl;
  /** @type {RememberContext['setTags']} */
  setTags;
  /** @type {RememberContext['skip']} */
  skip;

  /**
   * @param {Request} request
   * @param {Cancellation} cancellation
   * @param {Result} result
   */
  constructor(request, cancellation, result) {
    this[CANCELLATION] = cancellation;
    this.key = request.asked;
    // Functions of its own: factories take them out of it.
    this.setTtl = (ttl) => {
      result.ttl = ttl === undefined || ttl === null ? request.defaultTtl : toMillis(ttl);
    };
    this.setTags = (tags) => {
      result.tags = [...new Set([...request.kept, ...request.scope(tags)])];
    };
    this.skip = () => {
      result.keep = false;
    };
  }

  get signal() {
    return this[CANCELLATION].signal;
  }
}

/**
 * Runs the factory under its deadline.
 *
 * @param {Request} request
 * @param {Cancellation} cancellation
 * @param {Result} result
 * @returns {Promise<unknown>}
 */
async function run(request, cancellation, result) {
  const started = performance.now();
  try {
    const made = request.factory(new Context(request, cancellation, result));
    // What is made at once needs no timer.
    if (!isThenable(made)) return made;
    const left = Math.max(0, request.hardTimeout - (performance.now() - started));
    return await inTime(made, cancellation, left, () => timedOut(request));
  } catch (error) {
    throw asError(error);
  }
}

/**
 * What a factory makes, unless it is aborted before.
 *
 * @param {PromiseLike<unknown>} made
 * @param {Cancellation} cancellation
 * @param {number} left milliseconds until the deadline
 * @param {() => Error} overdue
 */
async function inTime(made, cancellation, left, overdue) {
  /** @type {Promise<never>} */
  const aborted = new Promise((_, reject) => {
    cancellation.onAbort(reject);
  });
  // What cannot be raced with leaves nobody to hear of a later abort.
  aborted.catch(() => {});
  const stop = deadline(left, () => cancellation.abort(overdue()));
  try {
    return await Promise.race([made, aborted]);
  } finally {
    stop();
  }
}

/**
 * @param {unknown} made
 * @returns {made is PromiseLike<unknown>}
 */
function isThenable(made) {
  if ((typeof made !== 'object' && typeof made !== 'function') || made === null) return false;
  return typeof (/** @type {{ then?: unknown }} */ (made).then) === 'function';
}

/** @param {unknown} error what a factory failed with */
function asError(error) {
  if (error instanceof Error || types.isNativeError(error)) return error;
  return makeError(
    'CACHE_FACTORY',
    `the factory failed with ${describe(error)}; expected it to throw an Error (see cause)`,
    { cause: error },
  );
}

/** @param {Request} request */
function timedOut({ hardTimeout }) {
  return new CacheTimeoutError(
    `the factory did not settle within ${hardTimeout} ms; raise hardTimeout, or have it heed its signal`,
  );
}

exports.Cancellation = Cancellation;
exports.run = run;
exports.timedOut = timedOut;
