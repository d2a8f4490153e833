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
  /** Told once. @type {(reason: unknown) => void} */
  onAbort = () => {};

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
    this.onAbort(reason);
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
 * Runs the factory under its deadline.
 *
 * @param {Request} request
 * @param {Cancellation} cancellation
 * @param {Result} result
 */
async function run(request, cancellation, result) {
  /** @type {Promise<never>} */
  const overdue = new Promise((_, reject) => {
    cancellation.onAbort = reject;
  });
  // A factory that throws before it is raced with this leaves nobody to hear of a later abort.
  overdue.catch(() => {});
  const stop = deadline(request.hardTimeout, () => cancellation.abort(timedOut(request)));
  const context = new Context(request, cancellation, result);
  try {
    return await Promise.race([request.factory(context), overdue]);
  } catch (error) {
    if (error instanceof Error || types.isNativeError(error)) throw error;
    throw makeError(
      'CACHE_FACTORY',
      `the factory failed with ${describe(error)}; expected it to throw an Error (see cause)`,
      {
        cause: error,
      },
    );
  } finally {
    stop();
  }
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
