'use strict';

/** The factory of a `remember`, under its deadline. */

const { types } = require('node:util');
const { CacheTimeoutError, describe, makeError } = require('./errors.js');
const { deadline } = require('./deadline.js');
const { toMillis } = require('./ttl.js');

/** @typedef {import('./flights.js').Request} Request */

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

/**
 * Runs the factory under its deadline.
 *
 * @param {Request} request
 * @param {Cancellation} cancellation
 * @param {{ ttl: number; tags: readonly string[]; keep: boolean }} result what the factory sets of it
 */
async function run(request, cancellation, result) {
  /** @type {Promise<never>} */
  const overdue = new Promise((_, reject) => {
    cancellation.onAbort = reject;
  });
  // A factory that throws before it is raced with this leaves nobody to hear of a later abort.
  overdue.catch(() => {});
  const stop = deadline(request.hardTimeout, () => cancellation.abort(timedOut(request)));
  const context = {
    key: request.asked,
    get signal() {
      return cancellation.signal;
    },
    /** @param {unknown} ttl */
    setTtl: (ttl) => {
      result.ttl = ttl === undefined || ttl === null ? request.defaultTtl : toMillis(ttl);
    },
    /** @param {unknown} tags */
    setTags: (tags) => {
      result.tags = [...new Set([...request.kept, ...request.scope(tags)])];
    },
    skip: () => {
      result.keep = false;
    },
  };
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
