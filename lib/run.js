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

/**
 * What a factory is given. The signal's getter is the class's: one in a literal would be defined anew for each.
 *
 * @implements {RememberContext}
 */
class Context {
  #cancellation;
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
    this.#cancellation = cancellation;
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
    return this.#cancellation.signal;
  }
}

/**
 * Runs the factory under its deadline. Never settles at once: callers of one moment share what it makes.
 *
 * @param {Request} request
 * @param {Cancellation} cancellation
 * @param {Result} result
 * @returns {Promise<unknown>}
 */
function run(request, cancellation, result) {
  const started = performance.now();
  try {
    const made = request.factory(new Context(request, cancellation, result));
    // What is made at once needs no timer.
    if (!isThenable(made)) return Promise.resolve(made);
    return inTime(made, request, cancellation, request.hardTimeout - (performance.now() - started));
  } catch (error) {
    return Promise.reject(asError(error));
  }
}

/**
 * What a factory makes, unless it is aborted before.
 *
 * @param {PromiseLike<unknown>} made
 * @param {Request} request
 * @param {Cancellation} cancellation
 * @param {number} left milliseconds until the deadline
 */
function inTime(made, request, cancellation, left) {
  return new Promise((resolve, reject) => {
    const stop = deadline(left, () => cancellation.abort(timedOut(request)));
    const fail = (/** @type {unknown} */ error) => {
      stop();
      reject(asError(error));
    };
    cancellation.onAbort(fail);
    Promise.resolve(made).then((value) => {
      stop();
      resolve(value);
    }, fail);
  });
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
