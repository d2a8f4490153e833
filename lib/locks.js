'use strict';

/**
 * Locks as their holders and waiters see them. Who holds a lock is decided by the core.
 */

const { randomUUID } = require('node:crypto');
const { binding } = require('./native.js');
const { LONGEST_TIMER, onAbort } = require('./deadline.js');
const { CacheLockError, attempt, makeError, describe } = require('./errors.js');
const { toMillis } = require('./ttl.js');
const { checkOptions } = require('./options.js');

const DEFAULT_TTL = 30_000;
const DEFAULT_WAIT = 10_000;
const DEFAULT_INTERVAL = 50;
const DEFAULT_RETRIES = 100;
/** The longest pause between two tries, in milliseconds. */
const LONGEST_PAUSE = 2000;
/** A lock is renewed when a third of its life is over: two tries may fail before it is lost. */
const RENEWALS = 3;

/**
 * Checked options of a lock; durations in milliseconds.
 * @typedef {{ ttl: number; wait: number; interval: number; retries: number; signal: AbortSignal | undefined }} Terms
 */

/**
 * @param {unknown} options
 * @returns {Terms}
 */
function checkTerms(options) {
  if (options === undefined || options === null) options = {};
  if (typeof options !== 'object') options = { ttl: options };
  const given = /** @type {import('../index.js').LockOptions} */ (options);
  checkOptions(given, ['ttl', 'timeout', 'wait', 'retryInterval', 'maxRetries', 'signal'], 'a lock');
  const ttl = toMillis(given.ttl ?? given.timeout ?? DEFAULT_TTL / 1000);
  if (ttl === 0) throw makeError('CACHE_INVALID_TTL', "a lock's TTL must be more than 0");
  const { retryInterval = DEFAULT_INTERVAL, maxRetries = DEFAULT_RETRIES, signal } = given;
  count(retryInterval, 'retryInterval');
  count(maxRetries, 'maxRetries');
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw makeError('CACHE_INVALID_ARGUMENT', `signal must be an AbortSignal, not ${describe(signal)}`);
  }
  return {
    ttl,
    wait: toMillis(given.wait ?? DEFAULT_WAIT / 1000),
    interval: retryInterval,
    retries: maxRetries,
    signal,
  };
}

/**
 * @param {unknown} value
 * @param {string} name
 */
function count(value, name) {
  if (typeof value !== 'number' || !(value >= 0)) {
    throw makeError(
      'CACHE_INVALID_ARGUMENT',
      `${name} must be a number of at least 0, not ${describe(value)}`,
    );
  }
}

/**
 * @typedef {{ wake: () => void; fail: (reason: unknown) => void }} Waiter
 */

class Locks {
  /** @type {import('./session.js').Session} */
  #session;
  /** Who waits for which lock on this thread, in order. @type {Map<string, Set<Waiter>>} */
  #waiting = new Map();
  /** Tells the callbacks that run that their lock is lost. @type {Set<() => void>} */
  #held = new Set();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Takes a lock, waiting for it within the terms.
   *
   * @param {string} name as the core knows it
   * @param {Terms} terms
   * @param {string} [owner] the secret that proves who holds it
   * @returns {Promise<import('../index.js').Lock>}
   */
  async acquire(name, terms, owner = randomUUID()) {
    const { handle } = this.#session;
    const until = performance.now() + terms.wait;
    let reply;
    for (let tries = 0; ;) {
      if (terms.signal?.aborted) {
        // It may have been woken for a lock that the next one can have.
        this.freed(name);
        throw terms.signal.reason;
      }
      const last = tries >= terms.retries || performance.now() >= until;
      reply = attempt(() => binding.lock(handle, name, owner, terms.ttl, !last));
      if (reply.fence !== undefined || last) break;
      const pause = Math.min(backOff(terms.interval, tries), reply.expiresIn + 1, until - performance.now());
      const woken = await this.#pause(name, Math.max(0, pause), terms.signal);
      // To be told that the lock may be free is no retry of the waiter's.
      if (!woken) tries++;
    }
    const fence = reply.fence ?? null;
    // Whoever waits behind says again that it waits: the core forgot all of this thread when it told us.
    this.freed(name);
    this.#tell(name, fence === null ? 'timeout' : 'acquired', fence);
    return this.#lock(name, owner, fence, terms.ttl);
  }

  /**
   * Runs a callback under a lock that is renewed meanwhile.
   *
   * @param {string} name
   * @param {Terms} terms
   * @param {Function} callback
   */
  async run(name, terms, callback) {
    const owner = randomUUID();
    const lock = await this.acquire(name, terms, owner);
    if (!lock.acquired) {
      throw new CacheLockError(
        'CACHE_LOCK_TIMEOUT',
        `the lock ${JSON.stringify(lock.key)} is held by another, and was not had within the bounds (wait ${terms.wait} ms, maxRetries ${terms.retries}); raise them, or try later`,
      );
    }
    const controller = new AbortController();
    const lose = () => {
      if (!controller.signal.aborted) this.#lost(name, lock.token, controller);
    };
    this.#held.add(lose);
    const period = Math.min(LONGEST_TIMER, Math.max(1, terms.ttl / RENEWALS));
    const timer = setInterval(() => this.#extend(name, owner, terms.ttl) || lose(), period);
    // The callback's own work keeps the process alive; renewing is no work.
    timer.unref();
    try {
      return await callback({ signal: controller.signal, token: lock.token });
    } finally {
      clearInterval(timer);
      this.#held.delete(lose);
      // A callback that blocked the thread past the lock's life kept the renewal from noticing.
      if (!(await lock.release())) lose();
    }
  }

  /**
   * A lock may be free: the first of this thread's waiters tries now.
   *
   * @param {string} name
   */
  freed(name) {
    const [first] = this.#waiting.get(name) ?? [];
    first?.wake();
  }

  /** @param {Error} reason */
  close(reason) {
    for (const waiters of [...this.#waiting.values()]) {
      for (const waiter of [...waiters]) waiter.fail(reason);
    }
    for (const lose of [...this.#held]) lose();
  }

  /**
   * @param {string} name
   * @param {string} owner
   * @param {number} ttl
   */
  #extend(name, owner, ttl) {
    return !this.#session.closed && binding.extend(this.#session.handle, name, owner, ttl);
  }

  /**
   * @param {string} name
   * @param {number | null} token
   * @param {AbortController} controller
   */
  #lost(name, token, controller) {
    this.#tell(name, 'lost', token);
    const key = JSON.stringify(this.#session.shown(name));
    controller.abort(
      new CacheLockError(
        'CACHE_LOCK_LOST',
        `the lock ${key} was lost while its callback ran; stop what it protects`,
      ),
    );
  }

  /**
   * @param {string} name
   * @param {'acquired' | 'released' | 'lost' | 'timeout'} state
   * @param {number | null} token
   */
  #tell(name, state, token) {
    const { events } = this.#session;
    if (events.has.lock) events.emit('lock', { key: this.#session.shown(name), state, token });
  }

  /**
   * @param {string} name
   * @param {string} owner
   * @param {number | null} token
   * @param {number} ttl
   */
  #lock(name, owner, token, ttl) {
    const session = this.#session;
    const release = async () => {
      // A closed session has released its locks.
      if (token === null || session.closed) return false;
      const ours = binding.unlock(session.handle, name, owner);
      if (ours) this.#tell(name, 'released', token);
      return ours;
    };
    return {
      acquired: token !== null,
      key: session.shown(name),
      token,
      release,
      extend: async (/** @type {unknown} */ longer) => {
        const millis = longer === undefined || longer === null ? ttl : toMillis(longer);
        if (millis === 0) return release();
        return token !== null && this.#extend(name, owner, millis);
      },
      [Symbol.asyncDispose]: async () => void (await release()),
    };
  }

  /**
   * Waits until the lock may be free, at most `millis`; whether somebody said so.
   *
   * @param {string} name
   * @param {number} millis
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<boolean>}
   */
  #pause(name, millis, signal) {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, waiters);
      const end = () => {
        clearTimeout(timer);
        stop();
        waiters.delete(waiter);
        if (waiters.size === 0 && this.#waiting.get(name) === waiters) this.#waiting.delete(name);
      };
      const waiter = {
        wake: () => {
          end();
          resolve(true);
        },
        fail: (/** @type {unknown} */ reason) => {
          end();
          reject(reason);
        },
      };
      const timer = setTimeout(() => {
        end();
        resolve(false);
      }, millis);
      let stop = () => {};
      waiters.add(waiter);
      stop = onAbort(signal, () => waiter.fail(signal?.reason));
    });
  }
}

/**
 * The pause before the next try: doubled each time up to a bound, and spread by a quarter so that waiters
 * of several processes do not try in step.
 *
 * @param {number} interval
 * @param {number} tries
 */
function backOff(interval, tries) {
  const pause = Math.min(LONGEST_PAUSE, interval * 2 ** Math.min(tries, 16));
  return pause * (0.75 + Math.random() / 4);
}

exports.Locks = Locks;
exports.checkTerms = checkTerms;
