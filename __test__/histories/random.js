'use strict';

/** A small generator of its own, so that clients differ and a run's choices can be repeated by its seed. */
class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number of at least 0 and below 1 (mulberry32). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} end an integer of at least 0 and below it */
  below(end) {
    return Math.floor(this.next() * end);
  }

  /** @param {number} probability */
  chance(probability) {
    return this.next() < probability;
  }

  /**
   * @template T
   * @param {readonly T[]} list
   */
  pick(list) {
    return list[this.below(list.length)];
  }

  /**
   * @template T
   * @param {readonly T[]} list
   * @param {number} probability of each
   */
  some(list, probability) {
    return list.filter(() => this.chance(probability));
  }

  /**
   * One of the weighted.
   *
   * @template T
   * @param {readonly (readonly [number, T])[]} weighted
   */
  weigh(weighted) {
    let at = this.next() * weighted.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of weighted) {
      at -= weight;
      if (at < 0) return choice;
    }
    return weighted[weighted.length - 1][1];
  }
}

module.exports = { Random };
