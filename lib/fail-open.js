'use strict';

/**
 * Failing open: what a caller gets while the backend cannot be asked.
 *
 * Reads miss and writes are dropped, each with an `error` event, unless the cache was made with
 * `failOpen: false`. What would be wrong to pretend (`add`, counters, locks, whatever removes) rejects. A stored
 * value that cannot be read is a miss with an event in any case.
 */

/** @typedef {import('./queue.js').Reader} Reader */

/**
 * Whether an error says that the backend cannot be asked now.
 *
 * @param {unknown} error
 */
function isOutage(error) {
  const { code } = /** @type {{ code?: unknown }} */ (error ?? {});
  return code === 'CACHE_UNAVAILABLE' || code === 'CACHE_TIMEOUT';
}

class FailOpen {
  /** @type {import('./session.js').Session} */
  #session;
  /** Whether there is a backend that could be away, and the cache is to go on without it. */
  enabled;
  /** Reads the answer to a `get`. @type {Reader} */
  reads;
  /** Reads the answer to a `put`. @type {Reader} */
  writes;

  /**
   * @param {import('./session.js').Session} session
   * @param {boolean} enabled
   */
  constructor(session, enabled) {
    this.#session = session;
    this.enabled = enabled;
    this.reads = {
      done: (payload, name) => (payload === undefined ? null : session.orNull(payload, name, 'get')),
      failed: (error, name) => this.#hideRead(error, null, 'get', name),
    };
    this.writes = {
      done: () => undefined,
      failed: (error, name) => this.#hide(error, undefined, 'put', name),
    };
  }

  /**
   * The answer to a read, or `instead`.
   *
   * @template T
   * @param {T | Promise<T>} answer
   * @param {T} instead
   * @param {string} operation
   * @param {string} [name]
   * @returns {T | Promise<T>}
   */
  read(answer, instead, operation, name) {
    if (!(answer instanceof Promise)) return answer;
    return answer.catch((error) => this.#hideRead(error, instead, operation, name));
  }

  /**
   * The answer to a write, or `instead`.
   *
   * @template T
   * @param {T | Promise<T>} answer
   * @param {T} instead
   * @param {string} operation
   * @param {string} [name]
   * @returns {T | Promise<T>}
   */
  write(answer, instead, operation, name) {
    if (!this.enabled || !(answer instanceof Promise)) return answer;
    return answer.catch((error) => this.#hide(error, instead, operation, name));
  }

  /**
   * Whether a failure is kept from the caller. Then it is told as an event.
   *
   * @param {unknown} error
   * @param {string} operation
   * @param {string} [name]
   */
  hides(error, operation, name) {
    if (!this.enabled || !isOutage(error)) return false;
    this.#tell(error, operation, name);
    return true;
  }

  /**
   * @template T
   * @param {unknown} error
   * @param {T} instead
   * @param {string} operation
   * @param {string} [name]
   */
  #hide(error, instead, operation, name) {
    if (this.hides(error, operation, name)) return instead;
    throw error;
  }

  /**
   * @template T
   * @param {unknown} error
   * @param {T} instead
   * @param {string} operation
   * @param {string} [name]
   */
  #hideRead(error, instead, operation, name) {
    if (/** @type {{ code?: unknown }} */ (error).code !== 'CACHE_CORRUPT') {
      return this.#hide(error, instead, operation, name);
    }
    this.#tell(error, operation, name);
    return instead;
  }

  /**
   * @param {unknown} error
   * @param {string} operation
   * @param {string} [name]
   */
  #tell(error, operation, name) {
    const key = name === undefined ? undefined : this.#session.shown(name);
    this.#session.events.error(error, operation, key);
  }
}

exports.FailOpen = FailOpen;
exports.isOutage = isOutage;
