'use strict';

/** @typedef {import('./flight.js').Flight} Flight */

/**
 * Runs by their leases.
 *
 * No Map. Whenever one makes a new table, the table before refers to it, and to all that was in it. Once such a table is an
 * old object, which V8 collects rarely, nothing that comes after it is ever young garbage: what each miss had allocated, a
 * kilobyte, was copied twice and became old, and a miss took half as much time again.
 */
class Running {
  /** @type {Record<number, Flight>} */
  #flights = Object.create(null);

  /**
   * @param {number} lease
   * @returns {Flight | undefined}
   */
  get(lease) {
    return this.#flights[lease];
  }

  /**
   * @param {number} lease
   * @param {Flight} flight
   */
  set(lease, flight) {
    this.#flights[lease] = flight;
  }

  /** @param {number} lease */
  delete(lease) {
    delete this.#flights[lease];
  }

  /** All of them, as they are now. @returns {[lease: number, flight: Flight][]} */
  entries() {
    return Object.entries(this.#flights).map(([lease, flight]) => [Number(lease), flight]);
  }
}

exports.Running = Running;
