'use strict';

/**
 * Locks as their holders and waiters see them. Who holds a lock is decided by the core.
 */

const { randomUUID } = require('node:crypto');
const { then } = require('./answer.js');
const { binding } = require('./native.js');
const { CacheLockError, attempt, makeError } = require('./errors.js');
const { LockLine } = require('./lock-line.js');
const { renewal } = require('./renewal.js');
const { toMillis } = require('./ttl.js');

/** The longest pause between two tries, in milliseconds. */
const LONGEST_PAUSE = 2000;
/** So many locks on a backend are remembered before those that have lapsed are looked for. */
const MOST_OWNED = 1000;

/** @typedef {import('./lock-terms.js').Terms} Terms */
/** @typedef {{ fence?: number; expiresIn: number }} LockReply */

class Locks {
  /** @type {import('./session.js').Session} */
  #session;
  #line = new LockLine();
  /** Tells the callbacks that run that their lock is lost. @type {Set<() => void>} */
  #held = new Set();
  /** Locks had on a backend, by the owner's secret; to be given back. @type {Map<string, { name: string; until: number }>} */
  #owned = new Map();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * Takes a lock, waiting for it within the terms.
   *
   * @param {string} name as the core knows it
   * @param {Terms} terms
   * @returns {Promise<import('../index.js').Lock>}
   */
  async acquire(name, terms) {
    const owner = randomUUID();
    const { token } = await this.#obtain(name, terms, owner);
    return this.#lock(name, owner, token, terms.ttl);
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
    const { token, since } = await this.#obtain(name, terms, owner);
    const { closed, events } = this.#session;
    // Closing has released it.
    if (closed) throw makeError('CACHE_CLOSED', 'the cache was closed');
    const key = this.#session.shown(name);
    if (token === null) {
      throw new CacheLockError(
        'CACHE_LOCK_TIMEOUT',
        `the lock ${JSON.stringify(key)} is held by another, and was not had within the bounds (wait ${terms.wait} ms, maxRetries ${terms.retries}); raise them, or try later`,
      );
    }
    const controller = new AbortController();
    const lose = () => {
      if (!controller.signal.aborted) this.#lost(name, token, controller);
    };
    const report = (/** @type {unknown} */ error) => events.error(error, 'lockAndRun', key);
    const extend = () => this.#extend(name, owner, terms.ttl);
    this.#held.add(lose);
    const stop = renewal({ ttl: terms.ttl, since, extend, lose, report });
    try {
      return await callback({ signal: controller.signal, token });
    } finally {
      stop();
      this.#held.delete(lose);
      const released = attempt(() => this.#release(name, owner, token));
      // A callback that is done is done: that its lock could not be released changes nothing of it.
      const ours = released instanceof Promise ? await released.catch(report) : released;
      // One that blocked the thread past the lock's life kept the renewal from noticing.
      if (ours === false) lose();
    }
  }

  /**
   * A lock may be free: the first of this thread's waiters tries now.
   *
   * @param {string} name
   */
  freed(name) {
    this.#line.freed(name);
  }

  /**
   * Releases what is held on a backend.
   *
   * @param {import('./store.js').RemoteStore} store
   */
  giveBack(store) {
    for (const [owner, { name }] of this.#owned) void store.giveBack(binding.unlock, name, owner);
    this.#owned.clear();
  }

  /** @param {Error} reason */
  close(reason) {
    this.#line.close(reason);
    for (const lose of [...this.#held]) lose();
  }

  /**
   * @param {string} name
   * @param {Terms} terms
   * @param {string} owner the secret that proves who holds it
   * @returns {Promise<{ token: number | null; since: number }>} the fencing number, and when it was asked for
   */
  #obtain(name, terms, owner) {
    const { store } = this.#session;
    const taken = this.#take(name, terms, owner);
    if (!store.remote) return taken;
    store.begin();
    return taken.finally(() => store.end());
  }

  /**
   * @param {string} name
   * @param {Terms} terms
   * @param {string} owner
   */
  async #take(name, terms, owner) {
    const until = performance.now() + terms.wait;
    /** @type {LockReply} */
    let reply;
    let since;
    for (let tries = 0; ;) {
      if (terms.signal?.aborted) {
        // It may have been woken for a lock that the next one can have.
        this.#line.freed(name);
        throw terms.signal.reason;
      }
      since = performance.now();
      const last = tries >= terms.retries || since >= until;
      let missed = false;
      const asked = this.#ask(name, owner, terms.ttl, !last);
      if (asked instanceof Promise) ({ reply, missed } = await this.#answered(name, owner, asked));
      else reply = asked;
      if (reply.fence !== undefined || last) break;
      // To be told that the lock may be free is no retry of the waiter's. A session that was closed is told so.
      if (missed || this.#session.closed) continue;
      const pause = Math.min(backOff(terms.interval, tries), reply.expiresIn + 1, until - performance.now());
      const woken = await this.#line.pause(name, Math.max(0, pause), terms.signal);
      if (!woken) tries++;
    }
    const token = reply.fence ?? null;
    if (token !== null && this.#session.store.remote) this.#own(name, owner, since, terms);
    // Whoever waits behind says again that it waits: the core forgot all of this thread when it told us.
    this.#line.freed(name);
    this.#tell(name, token === null ? 'timeout' : 'acquired', token);
    return { token, since };
  }

  /**
   * @param {string} name
   * @param {string} owner
   * @param {number} ttl
   * @param {boolean} wait
   */
  #ask(name, owner, ttl, wait) {
    return attempt(() => this.#session.store.ask(binding.lock, name, owner, ttl, wait));
  }

  /**
   * A backend's answer, and whether it was said meanwhile that the lock may be free.
   *
   * @param {string} name
   * @param {string} owner
   * @param {Promise<LockReply>} asked
   */
  async #answered(name, owner, asked) {
    let missed = false;
    const leave = this.#line.wait(name, {
      wake: () => {
        missed = true;
      },
      fail: () => {},
    });
    try {
      const reply = await asked;
      leave();
      return { reply, missed };
    } catch (error) {
      leave();
      // It may have been had all the same.
      this.#forsake(name, owner);
      throw error;
    }
  }

  /**
   * Remembers a lock that is to be given back when the session closes.
   *
   * @param {string} name
   * @param {string} owner
   * @param {number} since
   * @param {Terms} terms
   */
  #own(name, owner, since, { ttl, signal }) {
    if (this.#session.closed || signal?.aborted) {
      this.#forsake(name, owner);
      throw this.#session.closed ? makeError('CACHE_CLOSED', 'the cache was closed') : signal?.reason;
    }
    this.#owned.set(owner, { name, until: since + ttl });
    if (this.#owned.size % MOST_OWNED !== 0) return;
    for (const [other, { until }] of this.#owned) if (until < since) this.#owned.delete(other);
  }

  /**
   * Releases a lock on a backend that nobody waits for any more, if it was had.
   *
   * @param {string} name
   * @param {string} owner
   */
  #forsake(name, owner) {
    const { store } = this.#session;
    if (store.remote) void store.giveBack(binding.unlock, name, owner);
    this.#line.freed(name);
  }

  /**
   * @param {string} name
   * @param {string} owner
   * @param {number} ttl
   * @returns {boolean | Promise<boolean>}
   */
  #extend(name, owner, ttl) {
    const { closed, store } = this.#session;
    if (closed) return false;
    const until = performance.now() + ttl;
    return then(store.ask(binding.extend, name, owner, ttl), (ours) => {
      const owned = this.#owned.get(owner);
      if (owned !== undefined && ours) owned.until = until;
      return ours;
    });
  }

  /**
   * Whether the lock was ours. A closed session has released its locks.
   *
   * @param {string} name
   * @param {string} owner
   * @param {number | null} token
   * @returns {boolean | Promise<boolean>}
   */
  #release(name, owner, token) {
    const { closed, store } = this.#session;
    if (token === null || closed) return false;
    return then(store.ask(binding.unlock, name, owner), (ours) => {
      this.#owned.delete(owner);
      if (ours) this.#tell(name, 'released', token);
      return ours;
    });
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
    const release = async () => attempt(() => this.#release(name, owner, token));
    return {
      acquired: token !== null,
      key: this.#session.shown(name),
      token,
      release,
      extend: async (/** @type {unknown} */ longer) => {
        const millis = longer === undefined || longer === null ? ttl : toMillis(longer);
        if (millis === 0) return release();
        return token !== null && attempt(() => this.#extend(name, owner, millis));
      },
      [Symbol.asyncDispose]: async () => void (await release()),
    };
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
