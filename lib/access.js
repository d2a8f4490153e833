'use strict';

/**
 * A session seen through a prefix: what the public operations are made of.
 *
 * A cache has its `prefix` option, a namespace adds its name to it; both are put before every key, tag and
 * lock name. Checks what is given, encodes, calls the core, and tells the listeners. Throws what the core
 * throws; the public operations make it an error of ours.
 */

const { binding } = require('./native.js');
const { checkKey, checkLength, checkTags, checkFunction } = require('./check.js');
const { Format, MISS, encode } = require('./codec.js');
const { makeError, describe } = require('./errors.js');
const { checkRemember } = require('./options.js');
const { toMillis } = require('./ttl.js');

/** @typedef {import('./native.js').Payload} Payload */

/** @type {readonly string[]} */
const NO_TAGS = Object.freeze([]);

class Access {
  /** @type {import('./session.js').Session} */
  session;
  /** @type {string} */
  prefix;

  /**
   * @param {import('./session.js').Session} session
   * @param {string} prefix
   */
  constructor(session, prefix) {
    this.session = session;
    this.prefix = prefix;
  }

  /** The key as the core knows it. @param {unknown} key */
  name(key) {
    return this.prefix === '' ? checkKey(key) : checkLength(this.prefix + checkKey(key));
  }

  /**
   * Keys with what the core knows them by, in the order given.
   * @param {unknown} keys
   */
  names(keys) {
    this.assertOpen();
    const given = /** @type {{ [Symbol.iterator]?: unknown }} */ (keys ?? {});
    if (typeof keys === 'string' || typeof given[Symbol.iterator] !== 'function') {
      throw makeError(
        'CACHE_INVALID_ARGUMENT',
        `keys must be an array or another iterable of strings, not ${describe(keys)}`,
      );
    }
    /** @type {Map<string, string>} */
    const names = new Map();
    for (const key of listed(/** @type {Iterable<unknown>} */ (keys), 'keys')) {
      names.set(/** @type {string} */ (key), this.name(key));
    }
    return names;
  }

  /** @param {unknown} ttl */
  millis(ttl) {
    return ttl === undefined || ttl === null ? this.session.options.ttl : toMillis(ttl);
  }

  /** Tags as the core knows them. @param {unknown} tags */
  scoped(tags) {
    const names = checkTags(tags);
    return this.prefix === '' ? names : names.map((tag) => this.prefix + tag);
  }

  /** For operations that may have nothing to ask the core, which would notice. */
  assertOpen() {
    if (this.session.closed) throw makeError('CACHE_CLOSED', 'the cache is closed');
  }

  /**
   * The value, or null.
   *
   * @param {string} name
   * @param {string} operation
   */
  read(name, operation) {
    const { handle, events } = this.session;
    if (events.has.hit || events.has.miss) return this.look(name, operation)?.value ?? null;
    const payload = binding.get(handle, name);
    return payload === undefined ? null : this.orNull(payload, name, operation);
  }

  /**
   * @param {Payload} payload
   * @param {string} name
   * @param {string} operation
   */
  orNull(payload, name, operation) {
    const value = this.session.decode(payload, name, operation);
    return value === MISS ? null : value;
  }

  /**
   * Reads where somebody listens: the value in an object, or undefined for a miss.
   *
   * @param {string} name
   * @param {string} operation
   */
  look(name, operation) {
    const { events, handle, tier } = this.session;
    const started = performance.now();
    const payload = binding.get(handle, name);
    const key = this.session.shown(name);
    const value = payload === undefined ? MISS : this.session.decode(payload, name, operation);
    if (value === MISS) {
      if (events.has.miss) events.emit('miss', { key, durationMs: performance.now() - started });
      return undefined;
    }
    if (events.has.hit) events.emit('hit', { key, value, tier, durationMs: performance.now() - started });
    return { value };
  }

  /**
   * Stores a value; whether it was stored.
   *
   * @param {string} name
   * @param {unknown} value
   * @param {number} millis
   * @param {readonly string[]} tags
   * @param {boolean} ifAbsent
   */
  write(name, value, millis, tags, ifAbsent) {
    return this.#store({ name, value, encoded: encode(value) }, millis, tags, ifAbsent);
  }

  /**
   * Stores several values. All keys are checked and all values encoded before the first is stored.
   *
   * @param {unknown} entries
   * @param {number} millis
   * @param {readonly string[]} tags
   */
  writeMany(entries, millis, tags) {
    this.assertOpen();
    const writes = [];
    for (const [key, value] of pairs(entries)) {
      writes.push({ name: this.name(key), value, encoded: encode(value) });
    }
    for (const write of writes) this.#store(write, millis, tags, false);
  }

  /** Removes a key; whether it held a value. @param {string} name */
  forget(name) {
    const started = performance.now();
    const held = binding.forget(this.session.handle, name);
    if (held) this.tellDeleted(name, started);
    return held;
  }

  /** @param {unknown} tags */
  flushTags(tags) {
    const names = this.scoped(tags);
    const started = performance.now();
    binding.flushTags(this.session.handle, names);
    const { events } = this.session;
    if (events.has.invalidate) {
      const shown = names.map((tag) => this.session.shown(tag));
      events.emit('invalidate', { tags: shown, durationMs: performance.now() - started });
    }
  }

  /**
   * The value, or what the factory computes.
   *
   * @param {unknown} key
   * @param {unknown} options
   * @param {unknown} factory
   * @param {readonly string[]} tags those of a tagged cache, checked
   * @returns {Promise<unknown>}
   */
  remember(key, options, factory, tags) {
    const { session } = this;
    const name = this.name(key);
    const call = checkFunction(factory, 'the factory, the last argument of remember,');
    const terms = checkRemember(options, session.options);
    const { hit, miss } = session.events.has;
    if (hit || miss) {
      const found = this.look(name, 'remember');
      if (found !== undefined) return Promise.resolve(found.value);
    } else {
      const payload = binding.get(session.handle, name);
      const value = payload === undefined ? MISS : session.decode(payload, name, 'remember');
      if (value !== MISS) return Promise.resolve(value);
    }
    const own = terms.tags.length === 0 ? NO_TAGS : this.scoped(terms.tags);
    return session.flights.ask({
      ...terms,
      key: name,
      shown: session.shown(name),
      asked: /** @type {string} */ (key),
      defaultTtl: session.options.ttl,
      tags: tags.length === 0 ? own : [...new Set([...tags, ...own])],
      kept: tags,
      scope: (/** @type {unknown} */ late) => this.scoped(late),
      factory: /** @type {(context: import('../index.js').RememberContext) => unknown} */ (call),
    });
  }

  /**
   * @param {{ name: string; value: unknown; encoded: import('./codec.js').Encoded }} write
   * @param {number} millis
   * @param {readonly string[]} tags
   * @param {boolean} ifAbsent
   */
  #store({ name, value, encoded }, millis, tags, ifAbsent) {
    const { handle, events } = this.session;
    if (millis === 0) {
      if (ifAbsent) this.assertOpen();
      else this.forget(name);
      return false;
    }
    const started = events.has.write ? performance.now() : 0;
    let stored;
    if (typeof encoded === 'string' && !ifAbsent && tags.length === 0) {
      stored = binding.put(handle, name, encoded, millis);
    } else {
      const { format, content } =
        typeof encoded === 'string' ? { format: Format.json, content: encoded } : encoded;
      const names = tags.length === 0 ? null : [...tags];
      stored = binding.write(handle, name, format, content, millis, 0, names, ifAbsent);
    }
    if (stored) this.tellWritten(name, value, millis, tags, started);
    return stored;
  }

  /**
   * @param {string} name
   * @param {unknown} value
   * @param {number} millis
   * @param {readonly string[]} tags
   * @param {number} started
   */
  tellWritten(name, value, millis, tags, started) {
    const { events, tier } = this.session;
    if (!events.has.write) return;
    const shown = tags.map((tag) => this.session.shown(tag));
    const durationMs = performance.now() - started;
    events.emit('write', {
      key: this.session.shown(name),
      value,
      ttl: millis / 1000,
      tags: shown,
      tier,
      durationMs,
    });
  }

  /**
   * @param {string} name
   * @param {number} started
   */
  tellDeleted(name, started) {
    const { events } = this.session;
    if (!events.has.delete) return;
    events.emit('delete', { key: this.session.shown(name), durationMs: performance.now() - started });
  }
}

/**
 * @param {unknown} entries
 * @returns {Iterable<[string, unknown]>}
 */
function pairs(entries) {
  if (typeof entries !== 'object' || entries === null) {
    throw makeError(
      'CACHE_INVALID_ARGUMENT',
      `entries must be a Map, an iterable of [key, value] or an object, not ${describe(entries)}`,
    );
  }
  if (Symbol.iterator in entries) {
    const list = /** @type {[string, unknown][]} */ (
      listed(/** @type {Iterable<unknown>} */ (entries), 'entries')
    );
    if (list.every((pair) => Array.isArray(pair) && pair.length === 2)) return list;
    throw makeError('CACHE_INVALID_ARGUMENT', 'each of the entries must be a [key, value] pair');
  }
  try {
    return Object.entries(entries);
  } catch (cause) {
    throw makeError('CACHE_INVALID_VALUE', 'reading the entries threw (see cause)', { cause });
  }
}

/**
 * @param {Iterable<unknown>} iterable
 * @param {string} what
 */
function listed(iterable, what) {
  try {
    return [...iterable];
  } catch (cause) {
    throw makeError('CACHE_INVALID_ARGUMENT', `iterating over the ${what} threw (see cause)`, { cause });
  }
}

exports.Access = Access;
exports.NO_TAGS = NO_TAGS;
