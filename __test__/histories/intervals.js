'use strict';

/**
 * Operations as intervals of time. An operation takes effect at one moment between its start and its end, and
 * nobody outside knows when: so two questions can be asked of a set of them, and a checker that wants no false
 * alarm accuses by the first and excuses by the second.
 *
 * @typedef {{ start: number; end: number }} Interval an end that nobody saw is `Infinity`
 */

/** @template {Interval} T */
class Intervals {
  /** By their start. @type {T[]} */
  #sorted;
  /** At `i`: the one of `#sorted[0..i]` that ends last. @type {T[]} */
  #last;
  /** At `i`: the one of `#sorted[i..]` that ends first. @type {T[]} */
  #first;

  /** @param {Iterable<T>} intervals */
  constructor(intervals) {
    const sorted = [...intervals].sort((a, b) => a.start - b.start);
    this.#sorted = sorted;
    this.#last = [...sorted];
    for (let i = 1; i < sorted.length; i += 1) {
      if (this.#last[i - 1].end >= sorted[i].end) this.#last[i] = this.#last[i - 1];
    }
    this.#first = [...sorted];
    for (let i = sorted.length - 2; i >= 0; i -= 1) {
      if (this.#first[i + 1].end <= sorted[i].end) this.#first[i] = this.#first[i + 1];
    }
  }

  /**
   * One that certainly took effect after `from` and before `to`.
   *
   * @param {number} from
   * @param {number} to
   * @returns {T | undefined}
   */
  within(from, to) {
    const found = this.#first[this.#index((interval) => interval.start > from)];
    return found !== undefined && found.end < to ? found : undefined;
  }

  /**
   * One that may have taken effect between `from` and `to`.
   *
   * @param {number} from
   * @param {number} to
   * @returns {T | undefined}
   */
  touching(from, to) {
    const found = this.#last[this.#index((interval) => interval.start >= to) - 1];
    return found !== undefined && found.end > from ? found : undefined;
  }

  /**
   * Those that start after `from` and before `to`, in that order.
   *
   * @param {number} from
   * @param {number} to
   */
  *starting(from, to) {
    for (let i = this.#index((interval) => interval.start > from); i < this.#sorted.length; i += 1) {
      if (this.#sorted[i].start >= to) return;
      yield this.#sorted[i];
    }
  }

  /**
   * The index of the first that `is`, which all after it are too.
   *
   * @param {(interval: T) => boolean} is
   */
  #index(is) {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (is(this.#sorted[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/**
 * @template T
 * @param {Iterable<T>} items
 * @param {(item: T) => readonly string[]} namesOf the groups that an item is in
 * @returns {Map<string, T[]>}
 */
function groupBy(items, namesOf) {
  const groups = new Map();
  for (const item of items) {
    for (const name of namesOf(item)) {
      const group = groups.get(name);
      if (group) group.push(item);
      else groups.set(name, [item]);
    }
  }
  return groups;
}

module.exports = { Intervals, groupBy };
