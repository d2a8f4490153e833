'use strict';

/**
 * What can make a value unreadable, by what it covers.
 *
 * `forget` and `put` cover their key, `flush` all keys, a tag flush the values that have one of its tags. Each
 * also takes away the lease of a factory that runs for what it covers.
 *
 * @typedef {import('./checker.js').Operation} Operation
 */

const { Intervals, groupBy } = require('./intervals.js');

const NONE = /** @type {Intervals<Operation>} */ (new Intervals([]));

class Invalidations {
  /** Those that were acknowledged. @type {Map<string, Intervals<Operation>>} */
  #certain;
  /** Those, and those whose outcome nobody saw. @type {Map<string, Intervals<Operation>>} */
  #possible;

  /** @param {readonly Operation[]} operations */
  constructor(operations) {
    this.#certain = grouped(operations.filter(({ ok }) => ok));
    this.#possible = grouped(operations);
  }

  /**
   * One that covers the key or a tag, and took effect between `from` and `to` for sure.
   *
   * @param {string} key
   * @param {readonly string[]} tags
   * @param {number} from
   * @param {number} to
   */
  certain(key, tags, from, to) {
    return find(groups(key, tags), (group) => (this.#certain.get(group) ?? NONE).within(from, to));
  }

  /**
   * One that covers the key or a tag, and may have taken effect between `from` and `to`.
   *
   * @param {string} key
   * @param {readonly string[]} tags
   * @param {number} from
   * @param {number} to
   */
  possible(key, tags, from, to) {
    return find(groups(key, tags), (group) => (this.#possible.get(group) ?? NONE).touching(from, to));
  }

  /**
   * One that may have left the key without a value between `from` and `to`. A tag flush counts whatever its
   * tags: another put may have given the value others.
   *
   * @param {string} key
   * @param {number} from
   * @param {number} to
   */
  removal(key, from, to) {
    return find([`forget ${key}`, 'flush', 'any tag'], (group) =>
      (this.#possible.get(group) ?? NONE).touching(from, to),
    );
  }
}

/**
 * @param {string} key
 * @param {readonly string[]} tags
 */
function groups(key, tags) {
  return [`put ${key}`, `forget ${key}`, 'flush', ...tags.map((tag) => `tag ${tag}`)];
}

/** @param {Operation} operation */
function groupsOf({ op, key, tags = [] }) {
  if (op === 'put' || op === 'forget') return [`${op} ${key}`];
  if (op === 'flush') return ['flush'];
  if (op === 'flushTags') return ['any tag', ...tags.map((tag) => `tag ${tag}`)];
  return [];
}

/** @param {readonly Operation[]} operations */
function grouped(operations) {
  return new Map([...groupBy(operations, groupsOf)].map(([group, list]) => [group, new Intervals(list)]));
}

/**
 * @template T
 * @param {readonly string[]} names
 * @param {(name: string) => T | undefined} ask
 */
function find(names, ask) {
  for (const name of names) {
    const found = ask(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

module.exports = { Invalidations };
