'use strict';

/**
 * `remember`: one run of a factory for all who ask.
 *
 * The core says who computes a missing value (`granted`) and who waits (`held`), over all threads of the
 * process, and on a backend over all processes; this file runs the factory, waits, and hands the outcome to this
 * thread's callers. Whether the value may still be stored, and who joined too late to be given it, is decided by
 * the core alone.
 */

const { quietly } = require('./answer.js');
const { binding } = require('./native.js');
const { makeError, toCacheError } = require('./errors.js');
const { MISS, copyOf, encode } = require('./codec.js');
const { orAborted } = require('./deadline.js');
const { begun, elapsed } = require('./elapsed.js');
const { Endings } = require('./endings.js');
const { Flight, GIVEN_UP, errorText, outcomeOf } = require('./flight.js');
const { run, timedOut } = require('./run.js');
const { Running } = require('./running.js');
const { orStale } = require('./stale.js');
const { tellRefreshed, tellWritten } = require('./tell.js');

/** @typedef {import('./flight.js').Outcome} Outcome */
/** @typedef {import('./native.js').LeaseReply} LeaseReply */
/** @typedef {import('./native.js').Payload} Payload */
/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./store.js').RemoteStore} RemoteStore */

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
 * @property {number} started when it was asked, where the lease is the read and somebody listens; see elapsed.js
 * @property {boolean} told whether the read that came first has been told
 * @property {boolean} mended whether what could not be read has been removed
 */

/**
 * The runs that this thread leads or waits for, of all its sessions: several may share a store, and then the
 * callers of all of them share the outcome.
 */
const running = new Running();

/** Those that have ended, while somebody may still be told to wait for them. */
const endings = new Endings();

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
    const { failOpen, store } = this.#session;
    if (request.signal?.aborted) return Promise.reject(request.signal.reason);
    const reply = store.lease(request.key, request.tags, failOpen.enabled);
    const answer =
      reply instanceof Promise
        ? this.#whenAnswered(request, reply, /** @type {RemoteStore} */ (store))
        : Promise.resolve(this.#take(request, reply));
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
    const outcome = outcomeOf(notice);
    endings.keep(lease, outcome);
    // Its leader is on this thread, and not done with it.
    if (flight?.leader === undefined) running.delete(lease);
    flight?.settle(outcome);
  }

  /**
   * Gives back the leases that this session holds on a backend.
   *
   * @param {RemoteStore} store
   */
  giveBack(store) {
    for (const [lease, { key, leader }] of running.entries()) {
      if (leader === this.#session) void store.giveBack(binding.fail, key, lease, GIVEN_UP);
    }
  }

  /**
   * Ends everything: factories are told by their signals; who waits for another thread is rejected.
   *
   * @param {Error} reason
   */
  close(reason) {
    for (const [, flight] of running.entries()) {
      flight.leave(this.#session, reason);
      if (flight.leader !== this.#session) continue;
      // Who waits on other sessions takes over; our own caller is rejected by the abort.
      flight.settle({ kind: 'abandoned' });
      flight.cancellation.abort(reason);
    }
  }

  /**
   * @param {Request} request
   * @param {Promise<LeaseReply>} reply
   * @param {RemoteStore} store
   */
  async #whenAnswered(request, reply, store) {
    const asking = endings.begin();
    store.begin();
    try {
      // Not awaited: from here on the caller waits for the run, and is told of its end.
      return this.#take(request, await reply);
    } catch (error) {
      return this.#unanswered(request, error);
    } finally {
      endings.end(asking);
      store.end();
    }
  }

  /**
   * What a lease's answer means for who asked. What waits for a run is in place when this returns.
   *
   * @param {Request} request
   * @param {LeaseReply} reply
   * @returns {unknown}
   */
  #take(request, reply) {
    if (isPayload(reply)) return this.#hit(request, reply);
    const { state, lease, joined, payload, outage } = typeof reply === 'number' ? granted(reply) : reply;
    const { closed, events } = this.#session;
    // Closing has given back what was held by then.
    if (closed) return this.#tooLate(request, state === 'granted' ? lease : 0);
    if (outage !== undefined) events.error(toCacheError(errorOf(outage)), 'remember', request.shown);
    if (!request.told) {
      request.told = true;
      if (events.has.miss) events.emit('miss', { key: request.shown, durationMs: elapsed(request.started) });
    }
    const outcome =
      state === 'granted'
        ? this.#lead(request, lease, payload !== undefined)
        : this.#wait(request, lease, joined);
    return payload === undefined ? outcome : orStale(this.#session, request, outcome);
  }

  /**
   * @param {Request} request
   * @param {Payload} payload
   * @returns {unknown}
   */
  #hit(request, payload) {
    const { closed, events, tier } = this.#session;
    if (closed) return this.#tooLate(request, 0);
    const value = this.#session.decode(payload, request.key, 'remember');
    if (value === MISS) return this.#mend(request);
    if (events.has.hit) {
      events.emit('hit', { key: request.shown, value, tier, durationMs: elapsed(request.started) });
    }
    return value;
  }

  /**
   * @param {Request} request
   * @param {unknown} error
   */
  #unanswered(request, error) {
    const failure = toCacheError(error);
    if (/** @type {{ code?: unknown }} */ (failure).code !== 'CACHE_CORRUPT' || request.mended) throw failure;
    this.#session.events.error(failure, 'remember', request.shown);
    return this.#mend(request);
  }

  /**
   * What is stored cannot be read, so it is a miss; and no lease is given while it is there.
   *
   * @param {Request} request
   * @returns {Promise<unknown>}
   */
  async #mend(request) {
    if (request.mended) throw makeError('CACHE_CORRUPT', 'what is stored under the key cannot be read');
    request.mended = true;
    const { store } = this.#session;
    await quietly(() => store.ask(binding.forget, request.key));
    return this.ask(request);
  }

  /**
   * @param {Request} request
   * @param {number} lease 0 if none was granted
   * @returns {never}
   */
  #tooLate({ key }, lease) {
    if (lease > 0) this.#giveUp(key, lease);
    throw makeError('CACHE_CLOSED', 'the cache was closed');
  }

  /**
   * @param {Request} request
   * @param {number} lease
   * @param {number} joined
   */
  #wait(request, lease, joined) {
    const ended = endings.find(lease);
    let flight = running.get(lease);
    if (flight === undefined) {
      flight = new Flight(() => running.delete(lease));
      if (ended === undefined) running.set(lease, flight);
    }
    // The leader has its own deadline, and its end is told; this one is the bound that holds in any case.
    const bound = { millis: request.hardTimeout, error: () => timedOut(request) };
    const outcome = flight.join(this.#session, joined, () => this.ask(request), bound);
    if (ended !== undefined) flight.settle(ended);
    return outcome;
  }

  /**
   * @param {Request} request
   * @param {number} lease
   * @param {boolean} refreshes
   */
  async #lead(request, lease, refreshes) {
    // Who was told to wait may have been told before us.
    const flight = running.get(lease) ?? new Flight(() => running.delete(lease));
    flight.leader = this.#session;
    flight.key = request.key;
    running.set(lease, flight);
    const { write, refresh } = this.#session.events.has;
    const started = begun(write || (refreshes && refresh));
    const result = { ttl: request.ttl, grace: request.grace, tags: request.tags, keep: true };
    /** @type {unknown} */
    let value;
    /** @type {import('./codec.js').Encoded} */
    let encoded;
    try {
      // Awaited also where it is made at once: who asks in the same tick shares the run.
      value = await run(request, flight.cancellation, result);
      encoded = encode(value);
    } catch (error) {
      this.#end(request, lease, flight, error);
      throw error;
    }
    /** @type {import('./native.js').FillReply} */
    let filled = false;
    try {
      // A closed session has no lease to fill: closing handed it over.
      const { closed, store } = this.#session;
      const reply = closed ? false : store.fill(request.key, lease, encoded, result);
      filled = reply instanceof Promise ? await reply : reply;
    } catch (error) {
      const failure = toCacheError(error);
      if (!this.#session.failOpen.hides(failure, 'remember', request.key)) {
        this.#end(request, lease, flight, failure);
        throw failure;
      }
      this.#giveUp(request.key, lease);
    }
    // A thread that is being terminated is answered nothing any more.
    const { stored, superseded } = typeof filled === 'object' ? filled : { stored: filled, superseded: 0 };
    const json = typeof encoded === 'string';
    this.#settle(lease, flight, { kind: 'value', copy: () => copyOf(encoded), json, superseded });
    if (stored) {
      const { ttl: millis, tags } = result;
      tellWritten(this.#session, { name: request.key, value, millis, tags }, started);
      if (refreshes) tellRefreshed(this.#session, request.key, started);
    }
    return value;
  }

  /**
   * Ends a run that failed, for the core and then for this thread's callers. Never throws: they are to hear of
   * the factory's error and of no other.
   *
   * @param {Request} request
   * @param {number} lease
   * @param {Flight} flight
   * @param {unknown} error
   */
  #end({ key, shown }, lease, flight, error) {
    const { closed, events, store } = this.#session;
    const report = (/** @type {unknown} */ failure) => events.error(toCacheError(failure), 'remember', shown);
    try {
      const reply = closed ? undefined : store.ask(binding.fail, key, lease, errorText(error));
      if (reply instanceof Promise) void ending(store, reply).catch(report);
    } catch (failure) {
      report(failure);
    }
    this.#settle(lease, flight, { kind: 'failed', error });
  }

  /**
   * Has others compute what will not be filled; who does not hear of it waits no longer than its own deadline.
   *
   * @param {string} key
   * @param {number} lease
   */
  #giveUp(key, lease) {
    const { store } = this.#session;
    if (store.remote) void store.giveBack(binding.fail, key, lease, GIVEN_UP);
  }

  /**
   * Ends a run for this thread's callers.
   *
   * @param {number} lease
   * @param {Flight} flight
   * @param {Outcome} outcome
   */
  #settle(lease, flight, outcome) {
    running.delete(lease);
    endings.keep(lease, outcome);
    flight.settle(outcome);
  }
}

/**
 * Whether a lease found a value.
 *
 * @param {LeaseReply} reply
 * @returns {reply is Payload}
 */
const isPayload = (reply) => typeof reply === 'string' || (typeof reply === 'object' && !('lease' in reply));

/**
 * The answer to most misses: a run, and nothing more.
 *
 * @param {number} lease
 * @returns {import('./native.js').Leased}
 */
const granted = (lease) => ({ state: 'granted', lease, joined: 0 });

/** @param {[code: string, message: string]} outage */
const errorOf = ([code, message]) => ({ code, message });

/**
 * The lease is given back by it: a session that is closed waits for that.
 *
 * @param {import('./store.js').Store} store
 * @param {Promise<unknown>} reply
 */
async function ending(store, reply) {
  if (!store.remote) return reply;
  store.begin();
  try {
    return await reply;
  } finally {
    store.end();
  }
}

exports.Flights = Flights;
