'use strict';

/**
 * The cache seen through some tags: what is written has them, and flushing them makes it a miss.
 *
 * Tags are checked by the operation that uses them, so that bad ones reject its promise.
 */

const { attempt } = require('./errors.js');

/** @typedef {import('../index.js').TTL | null | undefined} MaybeTtl */

class TaggedCache {
  /** @type {import('./access.js').Access} */
  #access;
  /** @type {readonly string[]} */
  names;

  /**
   * @param {import('./access.js').Access} access
   * @param {readonly string[]} names
   */
  constructor(access, names) {
    this.#access = access;
    // A copy: what the caller does to its array later is not meant for us.
    this.names = Array.isArray(names) ? Object.freeze([...names]) : names;
  }

  /**
   * @param {string} key
   * @returns {Promise<any>}
   */
  async get(key) {
    return this.#try((access) => access.read(access.name(key), 'get'));
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {MaybeTtl} [ttl]
   */
  async put(key, value, ttl) {
    return this.#try((access, tags) => access.put(access.name(key), value, access.millis(ttl), tags));
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {MaybeTtl} [ttl]
   */
  async add(key, value, ttl) {
    return this.#try((access, tags) => access.add(access.name(key), value, access.millis(ttl), tags));
  }

  /**
   * @param {import('../index.js').Entries<unknown>} entries
   * @param {MaybeTtl} [ttl]
   */
  async putMany(entries, ttl) {
    return this.#try((access, tags) => access.writeMany(entries, access.millis(ttl), tags));
  }

  /**
   * @param {string} key
   * @param {unknown} options
   * @param {unknown} [factory]
   * @returns {Promise<any>}
   */
  async remember(key, options, factory) {
    const bare = factory === undefined && typeof options === 'function';
    return this.#try((access, tags) =>
      access.remember(key, bare ? undefined : options, bare ? options : factory, tags),
    );
  }

  /**
   * @param {string} key
   * @param {unknown} factory
   * @returns {Promise<any>}
   */
  rememberForever(key, factory) {
    return this.remember(key, Infinity, factory);
  }

  async flush() {
    return this.#try((access) => access.flushTags(this.names));
  }

  /**
   * @template T
   * @param {(access: import('./access.js').Access, tags: string[]) => T} act
   */
  #try(act) {
    return attempt(() => act(this.#access, this.#access.scoped(this.names)));
  }
}

exports.TaggedCache = TaggedCache;
