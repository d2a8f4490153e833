'use strict';

/**
 * A session seen through a prefix: what the public operations are made of.
 *
 * A cache has its `prefix` option, a namespace adds its name to it; both are put before every key, tag and
 * lock name. Checks what is given, encodes, calls the core, and tells the listeners. Throws what the core
 * throws; the public operations make it an error of ours. What it answers is a promise where the store is a
 * backend, and the thing itself where the store is in this process.
 */

const { then, valueOrNull } = require('./answer.js');
const { writeEach } = require('./bulk.js');
const { binding } = require('./native.js');
const { checkKey, checkLength, checkTags, checkFunction } = require('./check.js');
const { MISS, encode, formatted } = require('./codec.js');
const { begun, elapsed } = require('./elapsed.js');
const { listed, pairs } = require('./entries.js');
const { makeError, describe } = require('./errors.js');
const { checkRemember } = require('./options.js');
const { orNull } = require('./store.js');
const { tellDeleted, tellFlushed, tellWritten } = require('./tell.js');
const { toMillis } = require('./ttl.js');

/** @typedef {import('./native.js').Payload} Payload */

/** @type {readonly string[]} */
const NO_TAGS = Object.freeze([]);

/** @typedef {{ name: string; value: unknown; encoded: import('./codec.js').Encoded }} Write */

const nothing = () => {};
const notStored = () => false;

class Access {
  /** @type {import('./session.js').Session} */
  session;
  /** @type {string} */
  prefix;
  /** Values that are at hand, if any are kept. */
  hot;

  /**
   * @param {import('./session.js').Session} session
   * @param {string} prefix
   */
  constructor(session, prefix) {
    this.session = session;
    this.prefix = prefix;
    this.hot = session.store.hot?.view(prefix);
  }

  /** The key as the core knows it. @param {unknown} key */
  name(key) {
    if (this.prefix === '') return checkKey(key);
    return checkLength(this.prefix + checkKey(key), this.session.options.prefix);
  }

  /**
   * The promise of a value that is at hand. What is at hand was read under its key, which needs no check.
   * @param {unknown} key
   */
  ready(key) {
    return this.hot === undefined || typeof key !== 'string' ? undefined : this.hot.ready(key);
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
   * @returns {unknown}
   */
  read(name, operation) {
    const { session } = this;
    const { events, store } = session;
    if (events.has.hit || events.has.miss) return then(this.look(name, operation), valueOrNull);
    const payload = store.near(name);
    if (payload === undefined) return store.remote ? store.get(name, session.failOpen.reads) : null;
    return payload === null ? null : session.orNull(payload, name, operation);
  }

  /**
   * The value as the backend has it, or null: what a tier above it has is not asked.
   *
   * @param {string} name
   */
  readFresh(name) {
    const { failOpen, store } = this.session;
    const started = performance.now();
    const asked = failOpen.read(store.ask(binding.get, name), undefined, 'get', name);
    return then(asked, (payload) => valueOrNull(this.found(payload, name, 'get', started)));
  }

  /**
   * Reads where somebody listens: the value in an object, or undefined for a miss.
   *
   * @param {string} name
   * @param {string} operation
   */
  look(name, operation) {
    const { failOpen, store } = this.session;
    const started = performance.now();
    const near = store.near(name);
    if (near !== undefined || !store.remote) {
      return this.found(near ?? undefined, name, operation, started, 'memory');
    }
    const asked = failOpen.read(store.ask(binding.get, name), undefined, operation, name);
    return then(asked, (payload) => this.found(payload, name, operation, started));
  }

  /**
   * What a read found, told to who listens: the value in an object, or undefined for a miss.
   *
   * @param {Payload | undefined} payload
   * @param {string} name
   * @param {string} operation
   * @param {number} started
   * @param {import('../index.js').CacheTier} tier which answered
   */
  found(payload, name, operation, started, tier = this.session.tier) {
    const { session } = this;
    const { events } = session;
    const value = payload === undefined ? MISS : session.decode(payload, name, operation);
    if (value === MISS) {
      if (events.has.miss) {
        events.emit('miss', { key: session.shown(name), durationMs: elapsed(started) });
      }
      return undefined;
    }
    if (events.has.hit) {
      events.emit('hit', { key: session.shown(name), value, tier, durationMs: elapsed(started) });
    }
    return { value };
  }

  /**
   * Stores a value; nothing is said of whether it was stored. On a backend this is one promise in all.
   *
   * @param {string} name
   * @param {unknown} value
   * @param {number} millis
   * @param {readonly string[]} tags
   * @returns {void | Promise<void>}
   */
  put(name, value, millis, tags) {
    const { events, failOpen, store } = this.session;
    const encoded = encode(value);
    if (typeof encoded === 'string' && tags.length === 0 && millis > 0 && !events.has.write) {
      return store.put(name, encoded, millis, failOpen.writes);
    }
    return then(this.#storeOpenly({ name, value, encoded }, millis, tags, 'put'), nothing);
  }

  /**
   * Stores a value; whether it was stored.
   *
   * @param {string} name
   * @param {unknown} value
   * @param {number} millis
   */
  set(name, value, millis) {
    return this.#storeOpenly({ name, value, encoded: encode(value) }, millis, NO_TAGS, 'set');
  }

  /**
   * Stores a value if the key holds none; whether it was stored.
   *
   * @param {string} name
   * @param {unknown} value
   * @param {number} millis
   * @param {readonly string[]} tags
   */
  add(name, value, millis, tags) {
    return this.#store({ name, value, encoded: encode(value) }, millis, tags, true);
  }

  /**
   * Stores several values. All keys are checked and all values encoded before the first is stored.
   *
   * @param {unknown} entries
   * @param {number} millis
   * @param {readonly string[]} tags
   * @returns {void | Promise<void>}
   */
  writeMany(entries, millis, tags) {
    this.assertOpen();
    const { session } = this;
    const writes = [];
    for (const [key, value] of pairs(entries)) {
      writes.push({ name: this.name(key), value, encoded: encode(value) });
    }
    if (session.store.remote) {
      const write = (/** @type {Write} */ one) => this.#store(one, millis, tags, false);
      return writeEach(session, writes, write, millis > 0);
    }
    for (const write of writes) void this.#store(write, millis, tags, false);
    return undefined;
  }

  /** Removes a key; whether it held a value. @param {string} name */
  forget(name) {
    const started = begun(this.session.events.has.delete);
    return then(this.session.store.ask(binding.forget, name), (held) => {
      if (held) tellDeleted(this.session, name, started);
      return held;
    });
  }

  /**
   * @param {unknown} tags
   * @returns {void | Promise<void>}
   */
  flushTags(tags) {
    const names = this.scoped(tags);
    const started = begun(this.session.events.has.invalidate);
    return then(this.session.store.ask(binding.flushTags, names), () =>
      tellFlushed(this.session, names, started),
    );
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
    const { events, options: defaults, store } = this.session;
    const name = this.name(key);
    const call = checkFunction(factory, 'the factory, the last argument of remember,');
    const terms = checkRemember(options, defaults);
    if (!store.remote && (events.has.hit || events.has.miss)) {
      const found = /** @type {{ value: unknown } | undefined} */ (this.look(name, 'remember'));
      if (found !== undefined) return Promise.resolve(found.value);
    } else {
      // What is on a backend is read with the lease: one round trip for a hit.
      const started = begun(events.has.hit);
      const near = store.near(name);
      const payload = near ?? undefined;
      if (payload !== undefined && events.has.hit) {
        const found = this.found(payload, name, 'remember', started, 'memory');
        if (found !== undefined) return Promise.resolve(found.value);
      } else if (payload !== undefined) {
        const value = this.session.decode(payload, name, 'remember');
        if (value !== MISS) return Promise.resolve(value);
      }
    }
    return this.#compute(/** @type {string} */ (key), name, terms, call, tags);
  }

  /**
   * @param {string} key
   * @param {string} name
   * @param {import('./options.js').RememberTerms} terms
   * @param {Function} factory
   * @param {readonly string[]} tags
   */
  #compute(key, name, terms, factory, tags) {
    const { session } = this;
    const { events, store } = session;
    const { ttl, grace, timeout, hardTimeout, signal } = terms;
    const own = terms.tags.length === 0 ? NO_TAGS : this.scoped(terms.tags);
    // Each by its name: what is spread first makes V8 find a shape anew for each object.
    return session.flights.ask({
      key: name,
      shown: session.shown(name),
      asked: key,
      ttl,
      defaultTtl: session.options.ttl,
      grace,
      timeout,
      hardTimeout,
      signal,
      tags: tags.length === 0 ? own : [...new Set([...tags, ...own])],
      kept: tags,
      scope: (late) => this.scoped(late),
      factory: /** @type {(context: import('../index.js').RememberContext) => unknown} */ (factory),
      started: begun(store.remote && (events.has.hit || events.has.miss)),
      told: !store.remote,
      mended: false,
    });
  }

  /**
   * @param {Write} write
   * @param {number} millis
   * @param {readonly string[]} tags
   * @param {string} operation
   */
  #storeOpenly(write, millis, tags, operation) {
    const stored = this.#store(write, millis, tags, false);
    // A life of zero removes the key, and a removal is not dropped.
    return millis > 0 ? this.session.failOpen.write(stored, false, operation, write.name) : stored;
  }

  /**
   * @param {Write} write
   * @param {number} millis
   * @param {readonly string[]} tags
   * @param {boolean} ifAbsent
   * @returns {boolean | Promise<boolean>}
   */
  #store({ name, value, encoded }, millis, tags, ifAbsent) {
    const { events, store } = this.session;
    if (millis === 0) {
      if (!ifAbsent) return then(this.forget(name), notStored);
      this.assertOpen();
      return false;
    }
    const started = begun(events.has.write);
    let stored;
    if (typeof encoded === 'string' && !ifAbsent && tags.length === 0) {
      stored = store.ask(binding.put, name, encoded, millis);
    } else {
      const { format, content } = formatted(encoded);
      stored = store.ask(binding.write, name, format, content, millis, 0, orNull(tags), ifAbsent);
    }
    return then(stored, (done) => {
      if (done) tellWritten(this.session, { name, value, millis, tags }, started);
      return done;
    });
  }
}

exports.Access = Access;
exports.NO_TAGS = NO_TAGS;
