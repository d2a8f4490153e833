'use strict';

/**
 * How runs ended that somebody may still be told to wait for.
 *
 * The answer that a run is under way and the notice that it has ended come by different ways, in either order.
 * So while leases are being asked for, the ends of runs are kept: in two generations, the older of which goes
 * when no request of its time is left.
 */

/** @typedef {import('./flight.js').Outcome} Outcome */
/** @typedef {{ asking: number; ended: Map<number, Outcome> }} Generation */

/** @returns {Generation} */
const generation = () => ({ asking: 0, ended: new Map() });

class Endings {
  #older = generation();
  #newer = generation();

  /** A lease is asked for. */
  begin() {
    this.#newer.asking++;
    return this.#newer;
  }

  /** It is answered, and the answer is dealt with. @param {Generation} begun */
  end(begun) {
    begun.asking--;
    if (this.#older.asking > 0 || this.#older.ended.size + this.#newer.ended.size === 0) return;
    // Who asks after a run has ended is not told to wait for it.
    this.#older = this.#newer;
    this.#newer = generation();
  }

  /**
   * @param {number} lease
   * @param {Outcome} outcome
   */
  keep(lease, outcome) {
    if (this.#older.asking + this.#newer.asking > 0) this.#newer.ended.set(lease, outcome);
  }

  /** @param {number} lease */
  find(lease) {
    return this.#newer.ended.get(lease) ?? this.#older.ended.get(lease);
  }
}

exports.Endings = Endings;
