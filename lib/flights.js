'use strict';

/**
 * `remember`: one run of a factory for all who ask.
 *
 * The core says who computes a missing value (`granted`) and who waits (`held`), over all threads of the
 * process; this file runs the factory, waits, and hands the outcome to this thread's callers. Whether the
 * value may still be stored, and who joined too late to be given it, is decided by the core alone.
 */

const { types } = require('node:util');
const { binding } = require('./native.js');
const { CacheTimeoutError, attempt, makeError, describe } = require('./errors.js');
const { copyOf, decode, encode } = require('./codec.js');
const { deadline, orAborted } = require('./deadline.js');
const { Flight, errorText, outcomeOf } = require('./flight.js');
const { checkTags } = require('./check.js');
const { toMillis } = require('./ttl.js');

/** @typedef {import('./flight.js').Outcome} Outcome */
/** @typedef {import('./native.js').Payload} Payload */
/** @typedef {import('./session.js').Session} Session */

/**
 * What one caller of `remember` asks for; checked.
 * @typedef {object} Request
 * @property {string} key as the core knows it
 * @property {string} shown as events show it
 * @property {string} asked as the caller gave it
 * @property {number} ttl milliseconds
 * @property {number} defaultTtl milliseconds
 * @property {number} grace milliseconds
 * @property {number | undefined} timeout milliseconds until a stale value is served
 * @property {number} hardTimeout milliseconds; the factory's deadline
 * @property {readonly string[]} tags as the core knows them
 * @property {(tags: unknown) => string[]} scope checks tags and makes them what the core knows
 * @property {AbortSignal | undefined} signal
 * @property {(context: import('../index.js').RememberContext) => unknown} factory
 */

/**
 * The runs that this thread leads or waits for, of all its sessions: several may share a store, and then the
 * callers of all of them share the outcome.
 * @type {Map<number, Flight>}
 */
const running = new Map();

class Flights {
  /** @type {Session} */
  #session;

  /** @param {Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * The value, or the outcome of a run: this caller's, or one that is under way.
   *
   * @param {Request} request
   * @returns {Promise<unknown>}
   */
  ask(request) {
    const { handle, events, tier } = this.#session;
    const tags = request.tags.length === 0 ? null : [...request.tags];
    const { state, lease, joined, payload } = binding.lease(handle, request.key, tags);
    if (state === 'hit') {
      const value = decode(/** @type {Payload} */ (payload));
      if (events.has.hit) events.emit('hit', { key: request.shown, value, tier, durationMs: 0 });
      return Promise.resolve(value);
    }
    const outcome =
      state === 'granted'
        ? this.#lead(request, lease, payload !== undefined)
        : this.#wait(request, lease, joined);
    const answer = payload === undefined ? outcome : this.#orStale(request, outcome, payload);
    return request.signal === undefined ? answer : orAborted(answer, request.signal);
  }

  /**
   * A run of another thread has ended.
   *
   * @param {import('./native.js').Notice} notice
   */
  landed(notice) {
    const lease = /** @type {number} */ (notice.lease);
    const flight = running.get(lease);
    if (flight === undefined) return;
    running.delete(lease);
    flight.settle(outcomeOf(notice));
  }

  /**
   * Ends everything: factories are told by their signals; who waits for another thread is rejected.
   *
   * @param {Error} reason
   */
  close(reason) {
    for (const flight of [...running.values()]) {
      flight.leave(this.#session, reason);
      if (flight.leader !== this.#session) continue;
      // Who waits on other sessions takes over; our own caller is rejected by the abort.
      flight.settle({ kind: 'abandoned' });
      flight.controller.abort(reason);
    }
  }

  /**
   * @param {Request} request
   * @param {number} lease
   * @param {number} joined
   */
  #wait(request, lease, joined) {
    const again = () => this.ask(request);
    const known = running.get(lease);
    if (known !== undefined) return known.join(this.#session, joined, again);
    const flight = new Flight();
    running.set(lease, flight);
    // The leader's thread has its own deadline and is told of when it dies; this one is the bound that
    // holds in any case, and what keeps the process alive for the answer.
    const stop = deadline(request.hardTimeout, () => {
      running.delete(lease);
      flight.settle({ kind: 'failed', error: timedOut(request) });
    });
    return flight.join(this.#session, joined, again).finally(stop);
  }

  /**
   * @param {Request} request
   * @param {number} lease
   * @param {boolean} refreshes
   */
  async #lead(request, lease, refreshes) {
    const flight = new Flight();
    flight.leader = this.#session;
    const { controller } = flight;
    running.set(lease, flight);
    const started = performance.now();
    const result = { ttl: request.ttl, tags: request.tags, keep: true };
    /** @type {unknown} */
    let value;
    /** @type {import('./codec.js').Encoded} */
    let encoded;
    try {
      value = await run(request, controller, result);
      encoded = encode(value);
    } catch (error) {
      this.#end(lease, flight, { kind: 'failed', error }, () =>
        binding.fail(this.#session.handle, request.key, lease, errorText(error)),
      );
      throw error;
    }
    const outcome = /** @type {Outcome & { kind: 'value' }} */ ({
      kind: 'value',
      copy: () => copyOf(encoded),
      superseded: 0,
    });
    let stored = false;
    this.#end(lease, flight, outcome, () => {
      const fill = this.#fill(request, lease, encoded, result);
      outcome.superseded = fill.superseded;
      stored = fill.stored;
    });
    if (stored) this.#tell(request, value, result, performance.now() - started, refreshes);
    return value;
  }

  /**
   * @param {Request} request
   * @param {number} lease
   * @param {import('./codec.js').Encoded} encoded
   * @param {{ ttl: number; tags: readonly string[]; keep: boolean }} result
   */
  #fill(request, lease, encoded, { ttl, tags, keep }) {
    const { format, content } = typeof encoded === 'string' ? { format: 0, content: encoded } : encoded;
    const names = tags.length === 0 ? null : [...tags];
    return binding.fill(
      this.#session.handle,
      request.key,
      lease,
      format,
      content,
      ttl,
      request.grace,
      names,
      keep && ttl > 0,
    );
  }

  /**
   * Ends a run for the core and then for this thread's callers, whatever the core says.
   *
   * @param {number} lease
   * @param {Flight} flight
   * @param {Outcome} outcome
   * @param {() => void} tellCore
   */
  #end(lease, flight, outcome, tellCore) {
    running.delete(lease);
    try {
      // A closed session has no lease to end: closing handed it over.
      if (!this.#session.closed) attempt(tellCore);
    } finally {
      flight.settle(outcome);
    }
  }

  /**
   * @param {Request} request
   * @param {unknown} value
   * @param {{ ttl: number; tags: readonly string[] }} result
   * @param {number} durationMs
   * @param {boolean} refreshed
   */
  #tell({ shown: key }, value, { ttl, tags }, durationMs, refreshed) {
    const { events, tier } = this.#session;
    if (events.has.write) {
      const names = tags.map((tag) => this.#session.shown(tag));
      events.emit('write', { key, value, ttl: ttl / 1000, tags: names, tier, durationMs });
    }
    if (refreshed && events.has.refresh) events.emit('refresh', { key, durationMs });
  }

  /**
   * The outcome of the run, or a value in its grace where the run fails or takes too long.
   *
   * @param {Request} request
   * @param {Promise<unknown>} outcome
   * @param {Payload} payload
   * @returns {Promise<unknown>}
   */
  #orStale({ shown: key, timeout }, outcome, payload) {
    const { events } = this.#session;
    return new Promise((resolve) => {
      let served = false;
      const serve = () => {
        if (served) return;
        served = true;
        const value = decode(payload);
        if (events.has.stale) events.emit('stale', { key, value });
        resolve(value);
      };
      const stop = timeout === undefined || timeout <= 0 ? () => {} : deadline(timeout, serve);
      const failed = (/** @type {unknown} */ error) => {
        events.error(error, 'remember', key);
        serve();
      };
      void outcome.then(resolve, failed).finally(stop);
      if (timeout !== undefined && timeout <= 0) serve();
    });
  }
}

/**
 * Runs the factory under its deadline.
 *
 * @param {Request} request
 * @param {AbortController} controller
 * @param {{ ttl: number; tags: readonly string[]; keep: boolean }} result what the factory sets of it
 */
async function run(request, controller, result) {
  const { signal } = controller;
  /** @type {Promise<never>} */
  const overdue = new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  const stop = deadline(request.hardTimeout, () => controller.abort(timedOut(request)));
  const context = {
    key: request.asked,
    signal,
    /** @param {unknown} ttl */
    setTtl: (ttl) => {
      result.ttl = ttl === undefined || ttl === null ? request.defaultTtl : toMillis(ttl);
    },
    /** @param {unknown} tags */
    setTags: (tags) => {
      result.tags = request.scope(checkTags(tags));
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

exports.Flights = Flights;
