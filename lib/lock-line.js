'use strict';

/** Who waits for which lock on this thread, in order. */

const { onAbort } = require('./deadline.js');

/** @typedef {{ wake: () => void; fail: (reason: unknown) => void }} Waiter */

class LockLine {
  /** @type {Map<string, Set<Waiter>>} */
  #waiting = new Map();

  /**
   * A lock may be free: the first who waits for it tries now.
   *
   * @param {string} name
   */
  freed(name) {
    const [first] = this.#waiting.get(name) ?? [];
    first?.wake();
  }

  /** @param {unknown} reason */
  close(reason) {
    for (const waiters of [...this.#waiting.values()]) {
      for (const waiter of [...waiters]) waiter.fail(reason);
    }
  }

  /**
   * Waits until the lock may be free, at most `millis`; whether somebody said so.
   *
   * @param {string} name
   * @param {number} millis
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<boolean>}
   */
  pause(name, millis, signal) {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        stop();
        leave();
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
      const leave = this.wait(name, waiter);
      stop = onAbort(signal, () => waiter.fail(signal?.reason));
    });
  }

  /**
   * Has somebody told that a lock may be free.
   *
   * @param {string} name
   * @param {Waiter} waiter
   * @returns {() => void} ends the waiting
   */
  wait(name, waiter) {
    const waiters = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiters);
    waiters.add(waiter);
    return () => {
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiting.get(name) === waiters) this.#waiting.delete(name);
    };
  }
}

exports.LockLine = LockLine;
