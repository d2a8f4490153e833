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
const { CacheTimeoutError, attempt, makeError, toCacheError, describe } = require('./errors.js');
const { MISS, copyOf, encode } = require('./codec.js');
const { deadline, orAborted } = require('./deadline.js');
const { Flight, errorText, outcomeOf } = require('./flight.js');
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
 * @property {readonly string[]} kept those of them that the factory cannot replace
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
    if (request.signal?.aborted) return Promise.reject(request.signal.reason);
    const tags = request.tags.length === 0 ? null : [...request.tags];
    const { state, lease, joined, payload } = binding.lease(handle, request.key, tags);
    if (state === 'hit') {
      const value = this.#session.decode(/** @type {Payload} */ (payload), request.key, 'remember');
      if (value !== MISS) {
        if (events.has.hit) events.emit('hit', { key: request.shown, value, tier, durationMs: 0 });
        return Promise.resolve(value);
      }
      // It cannot be read, so it is a miss; and no lease is given while it is there.
      binding.forget(handle, request.key);
      return this.ask(request);
    }
    const outcome =
      state === 'granted'
        ? this.#lead(request, lease, payload !== undefined)
        : this.#wait(request, lease, joined);
    const answer = payload === undefined ? outcome : this.#orStale(request, outcome);
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
    let flight = running.get(lease);
    if (flight === undefined) {
      flight = new Flight(() => running.delete(lease));
      running.set(lease, flight);
    }
    // The leader has its own deadline, and its end is told; this one is the bound that holds in any case.
    const bound = { millis: request.hardTimeout, error: () => timedOut(request) };
    return flight.join(this.#session, joined, () => this.ask(request), bound);
  }

  /**
   * @param {Request} request
   * @param {number} lease
   * @param {boolean} refreshes
   */
  async #lead(request, lease, refreshes) {
    const flight = new Flight(() => {});
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
      this.#end(lease, flight, { kind: 'failed', error }, () => this.#fail(request, lease, error));
      throw error;
    }
    const outcome = /** @type {Outcome & { kind: 'value' }} */ ({
      kind: 'value',
      copy: () => copyOf(encoded),
      superseded: 0,
    });
    let stored = false;
    this.#end(lease, flight, outcome, () => {
      try {
        ({ superseded: outcome.superseded, stored } = this.#fill(request, lease, encoded, result));
      } catch (error) {
        // Whatever is wrong, the run must end: a lease that is never given back would end the key.
        this.#fail(request, lease, error);
        throw error;
      }
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
      keep,
    );
  }

  /**
   * Gives the lease back. Never throws: the callers are to hear of the factory's error and of no other.
   *
   * @param {Request} request
   * @param {number} lease
   * @param {unknown} error
   */
  #fail(request, lease, error) {
    try {
      binding.fail(this.#session.handle, request.key, lease, errorText(error));
    } catch (failure) {
      this.#session.events.error(toCacheError(failure), 'remember', request.shown);
    }
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
   * The outcome of the run, or a value in its grace where the run fails or takes too long. What is served is
   * read when it is served: it may have been written anew or invalidated since the run began.
   *
   * @param {Request} request
   * @param {Promise<unknown>} outcome
   * @returns {Promise<unknown>}
   */
  #orStale({ key, shown, timeout }, outcome) {
    const session = this.#session;
    return new Promise((resolve, reject) => {
      let served = false;
      const serve = () => {
        if (served || session.closed) return served;
        const payload = binding.peek(session.handle, key);
        const value = payload === undefined ? MISS : session.decode(payload, key, 'remember');
        if (value === MISS) return false;
        served = true;
        if (session.events.has.stale) session.events.emit('stale', { key: shown, value });
        resolve(value);
        return true;
      };
      const late = timeout === undefined || timeout <= 0 ? () => {} : deadline(timeout, serve);
      const failed = (/** @type {unknown} */ error) => {
        if (!serve()) return reject(error);
        return session.closed ? undefined : session.events.error(error, 'remember', shown);
      };
      void outcome.then(resolve, failed).finally(late);
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
  // A factory that throws before it is raced with this leaves nobody to hear of a later abort.
  overdue.catch(() => {});
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

exports.Flights = Flights;
