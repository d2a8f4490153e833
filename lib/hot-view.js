'use strict';

/**
 * The hot tier as a cache sees it: by its own keys.
 *
 * The core, and so the hot tier, knows a key with its prefix. To put the two together for each hit, and to hash what
 * comes of it, takes longer than the rest of a hit: so it is noted for each key where its entry is.
 */

class View {
  #hot;
  #entries;
  #pending;
  #prefix;
  /** By key, without the prefix, where its entry is. @type {Map<string, number>} */
  #places;

  /**
   * @param {import('./hot.js').Hot} hot
   * @param {import('./hot-entries.js').Entries} entries
   * @param {import('./hot.js').Pending} pending
   * @param {string} prefix
   */
  constructor(hot, entries, pending, prefix) {
    this.#hot = hot;
    this.#entries = entries;
    this.#pending = pending;
    this.#prefix = prefix;
    this.#places = prefix === '' ? entries.places : new Map();
  }

  /**
   * The promise of a value, if it is at hand and nobody listens.
   *
   * @param {string} key
   * @returns {Promise<unknown> | undefined}
   */
  ready(key) {
    this.#pending.handOverWrites();
    const at = this.#places.get(key) ?? this.#sought(key);
    return at === undefined ? undefined : this.#hot.answer(at);
  }

  /** @param {string} key */
  #sought(key) {
    if (this.#prefix === '') return undefined;
    const at = this.#entries.places.get(this.#prefix + key);
    if (at !== undefined) this.#entries.note(at, this.#places, key);
    return at;
  }
}

exports.View = View;
