'use strict';

/**
 * The public operations of a cache and of its namespaces. Each answers a promise and rejects with errors of
 * ours alone; what they do is in access.js.
 */

const { Access, NO_TAGS } = require('./access.js');
const { quietly, then } = require('./answer.js');
const { forgetEach, readEach } = require('./bulk.js');
const { checkFunction } = require('./check.js');
const { begun, elapsed } = require('./elapsed.js');
const { attempt, makeError, toCacheError, describe } = require('./errors.js');
const { checkTerms } = require('./lock-terms.js');
const { binding } = require('./native.js');
const { checkOptions } = require('./option-checks.js');
const { TaggedCache } = require('./tagged.js');
const { tellDeleted, tellWritten } = require('./tell.js');
const { isKnownTtl } = require('./ttl.js');

/** @typedef {import('../index.js').TTL | null | undefined} MaybeTtl */

/** @param {{ value: unknown } | undefined} found */
const isFound = (found) => found !== undefined;

class Operations {
  /** @type {Access} */
  #access;

  /**
   * @param {import('./session.js').Session} session
   * @param {string} prefix
   */
  constructor(session, prefix) {
    this.#access = new Access(session, prefix);
  }

  // `get`, `put` and `remember` are no async functions: those cost a second promise.

  /**
   * @param {string} key
   * @param {import('../index.js').GetOptions} [options]
   * @returns {Promise<any>}
   */
  get(key, options) {
    try {
      const access = this.#access;
      if (options === undefined) {
        const ready = access.ready(key);
        if (ready !== undefined) return ready;
      }
      const name = access.name(key);
      if (options !== undefined && isFresh(options)) return Promise.resolve(access.readFresh(name));
      return Promise.resolve(access.read(name, 'get'));
    } catch (error) {
      return Promise.reject(toCacheError(error));
    }
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {MaybeTtl} [ttl]
   */
  put(key, value, ttl) {
    try {
      const access = this.#access;
      return Promise.resolve(access.put(access.name(key), value, access.millis(ttl), NO_TAGS));
    } catch (error) {
      return Promise.reject(toCacheError(error));
    }
  }

  /**
   * @param {string} key
   * @param {unknown} options
   * @param {unknown} [factory]
   * @returns {Promise<any>}
   */
  remember(key, options, factory) {
    try {
      // `remember(key, factory)` has its factory where the options are else.
      const bare = factory === undefined && typeof options === 'function';
      const terms = bare ? undefined : options;
      const call = bare ? options : factory;
      const access = this.#access;
      // What else may be given is checked first: it is wrong also where there is a value.
      if (typeof call === 'function' && (terms === undefined || isKnownTtl(terms))) {
        const ready = access.ready(key);
        if (ready !== undefined) return ready;
      }
      return access.remember(key, terms, call, NO_TAGS);
    } catch (error) {
      return Promise.reject(toCacheError(error));
    }
  }

  /**
   * @param {string} key
   * @param {unknown} factory
   * @returns {Promise<any>}
   */
  rememberForever(key, factory) {
    return this.remember(key, Infinity, factory);
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {MaybeTtl} [ttl]
   */
  async set(key, value, ttl) {
    const access = this.#access;
    return attempt(() => access.set(access.name(key), value, access.millis(ttl)));
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {MaybeTtl} [ttl]
   */
  async add(key, value, ttl) {
    const access = this.#access;
    return attempt(() => access.add(access.name(key), value, access.millis(ttl), NO_TAGS));
  }

  /** @param {string} key */
  async has(key) {
    const access = this.#access;
    return attempt(() => {
      const name = access.name(key);
      const { events, failOpen, store } = access.session;
      if (events.has.hit || events.has.miss) return then(access.look(name, 'has'), isFound);
      const near = store.remote ? store.near(name) : undefined;
      if (near !== undefined) return near !== null;
      return failOpen.read(store.ask(binding.has, name), false, 'has', name);
    });
  }

  /** @param {string} key */
  async forget(key) {
    return attempt(() => this.#access.forget(this.#access.name(key)));
  }

  /** @param {string} key */
  delete(key) {
    return this.forget(key);
  }

  /**
   * @param {string} key
   * @returns {Promise<any>}
   */
  async pull(key) {
    const access = this.#access;
    return attempt(() => {
      const name = access.name(key);
      const started = begun(access.session.events.has.delete);
      return then(access.session.store.ask(binding.pull, name), (payload) => {
        if (payload === undefined) return null;
        tellDeleted(access.session, name, started);
        return access.session.orNull(payload, name, 'pull');
      });
    });
  }

  /**
   * @param {string} key
   * @param {MaybeTtl} [ttl]
   */
  async touch(key, ttl) {
    const access = this.#access;
    return attempt(() => {
      const name = access.name(key);
      const millis = access.millis(ttl);
      return millis === 0 ? access.forget(name) : access.session.store.ask(binding.touch, name, millis);
    });
  }

  /** @param {string} key */
  async ttl(key) {
    const access = this.#access;
    return attempt(() =>
      then(access.session.store.ask(binding.remaining, access.name(key)), (millis) =>
        millis === null ? null : millis / 1000,
      ),
    );
  }

  /**
   * @param {Iterable<string>} keys
   * @returns {Promise<Map<string, any>>}
   */
  async many(keys) {
    const access = this.#access;
    return attempt(() => {
      const names = access.names(keys);
      if (access.session.store.remote) return readEach(access, names);
      const found = new Map();
      for (const [key, name] of names) found.set(key, access.read(name, 'many'));
      return found;
    });
  }

  /**
   * @param {import('../index.js').Entries<unknown>} entries
   * @param {MaybeTtl} [ttl]
   */
  async putMany(entries, ttl) {
    return attempt(() => this.#access.writeMany(entries, this.#access.millis(ttl), NO_TAGS));
  }

  /** @param {Iterable<string>} keys */
  async forgetMany(keys) {
    const access = this.#access;
    return attempt(() => {
      const names = [...access.names(keys).values()];
      if (access.session.store.remote) return forgetEach(access, names);
      return names.reduce((held, name) => held + Number(access.forget(name)), 0);
    });
  }

  /**
   * @param {string} key
   * @param {number} [step]
   * @param {MaybeTtl} [ttl]
   */
  async increment(key, step = 1, ttl = undefined) {
    const access = this.#access;
    return attempt(() => {
      if (typeof step !== 'number' || !Number.isFinite(step)) {
        throw makeError('CACHE_INVALID_ARGUMENT', `a step must be a finite number, not ${describe(step)}`);
      }
      const name = access.name(key);
      const millis = access.millis(ttl);
      if (millis === 0) {
        throw makeError(
          'CACHE_INVALID_TTL',
          "a counter's TTL must be more than 0; forget the key to remove it",
        );
      }
      const { events, store } = access.session;
      const started = begun(events.has.write);
      return then(store.ask(binding.increment, name, step, millis), (value) => {
        if (!events.has.write) return value;
        // A counter that was there keeps its own life.
        return then(
          quietly(() => store.ask(binding.remaining, name)),
          (life) => {
            tellWritten(access.session, { name, value, millis: life ?? millis, tags: NO_TAGS }, started);
            return value;
          },
        );
      });
    });
  }

  /**
   * @param {string} key
   * @param {number} [step]
   * @param {MaybeTtl} [ttl]
   */
  async decrement(key, step = 1, ttl = undefined) {
    return this.increment(key, typeof step === 'number' ? -step : step, ttl);
  }

  /** @param {readonly string[] | string} tags */
  tags(tags) {
    return new TaggedCache(this.#access, typeof tags === 'string' ? [tags] : tags);
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {readonly string[]} tags
   * @param {MaybeTtl} [ttl]
   */
  putWithTags(key, value, tags, ttl) {
    return this.tags(tags).put(key, value, ttl);
  }

  /** @param {readonly string[]} tags */
  flushTags(tags) {
    return this.tags(tags).flush();
  }

  /**
   * @param {string} key
   * @param {unknown} [options]
   */
  async lock(key, options) {
    const { name, terms } = this.#lockTerms(key, options);
    return this.#access.session.locks.acquire(name, terms);
  }

  /**
   * @param {string} key
   * @param {unknown} options
   * @param {unknown} callback
   * @returns {Promise<any>}
   */
  async lockAndRun(key, options, callback) {
    const call = checkFunction(callback, 'the callback, the last argument of lockAndRun,');
    const { name, terms } = this.#lockTerms(key, options);
    return this.#access.session.locks.run(name, terms, call);
  }

  /**
   * @param {unknown} key
   * @param {unknown} options
   */
  #lockTerms(key, options) {
    return attempt(() => ({ name: this.#access.name(key), terms: checkTerms(options) }));
  }

  /** @param {string} name */
  namespace(name) {
    if (typeof name !== 'string' || name === '') {
      const given = name === '' ? 'an empty one' : describe(name);
      throw makeError('CACHE_INVALID_ARGUMENT', `a namespace must be a non-empty string, not ${given}`);
    }
    return new Namespace(this.#access.session, `${this.#access.name(name)}:`);
  }

  async *keys() {
    const { session, prefix } = this.#access;
    const page = (/** @type {string | null} */ cursor) =>
      attempt(() => session.store.ask(binding.scan, prefix, cursor));
    for (let cursor = null; ;) {
      const { keys, cursor: next } = await page(cursor);
      for (const name of keys) yield name.slice(prefix.length);
      if (next === null || next === undefined) return;
      cursor = next;
    }
  }

  async flush() {
    const { session, prefix } = this.#access;
    return attempt(() => {
      const started = begun(session.events.has.clear);
      return then(session.store.ask(binding.flush, prefix), () => {
        if (!session.events.has.clear) return;
        const namespace = session.shown(prefix).slice(0, -1);
        session.events.emit('clear', { namespace, durationMs: elapsed(started) });
      });
    });
  }

  clear() {
    return this.flush();
  }

  /** @param {string} [key] */
  async reset(key) {
    if (key === undefined) await this.flush();
    else await this.forget(key);
  }
}

/**
 * Whether a read is to come from the backend itself.
 *
 * @param {unknown} options
 * @throws {import('../index.js').CacheError} CACHE_INVALID_ARGUMENT
 */
function isFresh(options) {
  if (typeof options !== 'object' || options === null) {
    throw makeError(
      'CACHE_INVALID_ARGUMENT',
      `the options of get must be an object, not ${describe(options)}`,
    );
  }
  const given = /** @type {Record<string, unknown>} */ (options);
  checkOptions(given, ['fresh'], 'get');
  if (given.fresh !== undefined && typeof given.fresh !== 'boolean') {
    throw makeError('CACHE_INVALID_ARGUMENT', `fresh must be a boolean, not ${describe(given.fresh)}`);
  }
  return given.fresh === true;
}

/** A part of a cache: its operations behind a longer prefix. */
class Namespace extends Operations {
  /** @type {string} */
  name;

  /**
   * @param {import('./session.js').Session} session
   * @param {string} prefix with its colon
   */
  constructor(session, prefix) {
    super(session, prefix);
    this.name = session.shown(prefix).slice(0, -1);
  }
}

exports.Operations = Operations;
