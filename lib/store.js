'use strict';

/**
 * How a session asks its store: one in this process answers at once, one that is a backend by promises.
 */

const { formatted } = require('./codec.js');
const { makeError } = require('./errors.js');
const { hotOf } = require('./hot.js');
const { binding, queue } = require('./native.js');

/** @typedef {import('./queue.js').Reader} Reader */
/** @typedef {import('./codec.js').Encoded} Encoded */
/** @typedef {import('./native.js').FillReply} FillReply */
/** @typedef {import('./native.js').LeaseReply} LeaseReply */
/** @typedef {import('./native.js').Payload} Payload */
/** @typedef {import('./options.js').HotTerms} HotTerms */

/** What becomes of a value that a factory made. @typedef {import('./run.js').Result & { grace: number }} FillTerms */

/** Nothing is gathered for a store in this process. */
const NOTHING_PENDING = { handOverWrites() {} };

/** A store in this process. */
class EmbeddedStore {
  remote = /** @type {const} */ (false);
  /** @type {number} */
  handle;
  /** Values that are at hand, if any are kept. */
  hot;

  /**
   * @param {number} handle
   * @param {HotTerms | undefined} terms
   */
  constructor(handle, terms) {
    this.handle = handle;
    this.hot = hotOf(handle, terms, NOTHING_PENDING);
  }

  /**
   * @template {unknown[]} A
   * @template R
   * @param {(handle: number, id: number, ...args: A) => R} call a function of the binding
   * @param {A} args
   * @returns {R | Promise<R>} never a promise: so that callers fit both kinds
   */
  ask(call, ...args) {
    this.hot?.tell();
    return call(this.handle, 0, ...args);
  }

  /**
   * What can be answered at once: all.
   *
   * @param {string} name
   * @returns {Payload | undefined}
   */
  near(name) {
    const { hot } = this;
    return /** @type {Payload | undefined} */ (
      hot === undefined ? binding.near(this.handle, name) : hot.near(name)
    );
  }

  /**
   * @param {readonly string[]} names
   * @returns {(Payload | undefined)[] | Promise<(Payload | undefined)[]>} never a promise
   */
  many(names) {
    this.hot?.tell();
    return binding.many(this.handle, names);
  }

  /**
   * @param {string} name
   * @param {string} json
   * @param {number} ttl
   */
  put(name, json, ttl) {
    this.hot?.tell();
    binding.put(this.handle, 0, name, json, ttl);
  }

  /**
   * @param {string} name
   * @param {readonly string[]} tags
   * @returns {LeaseReply | Promise<LeaseReply>} never a promise
   */
  lease(name, tags) {
    this.hot?.tell();
    return binding.lease(this.handle, 0, name, orNull(tags), false);
  }

  /**
   * @param {string} name
   * @param {number} lease
   * @param {Encoded} encoded
   * @param {FillTerms} terms
   * @returns {FillReply | Promise<FillReply>} never a promise
   */
  fill(name, lease, encoded, { ttl, grace, tags, keep }) {
    this.hot?.tell();
    const { format, content } = formatted(encoded);
    return binding.fill(this.handle, 0, name, lease, format, content, ttl, grace, orNull(tags), keep);
  }
}

/** A store that is reached by batches. */
class RemoteStore {
  remote = /** @type {const} */ (true);
  /** Values that are at hand, if any are kept. @type {import('./hot.js').Hot | undefined} */
  hot = undefined;
  /** @type {number} */
  handle;
  tiered = false;
  /** Whether nothing more may be asked. The core's session ends later: what it holds is given back first. */
  closed = false;
  #taking = 0;
  #onDrained = () => {};

  /** @param {number} handle */
  constructor(handle) {
    this.handle = handle;
  }

  /**
   * @template {unknown[]} A
   * @template R
   * @param {(handle: number, id: number, ...args: A) => R} call a function of the binding
   * @param {A} args
   * @returns {R | Promise<R>} always a promise
   */
  ask(call, ...args) {
    if (this.closed) throw isClosed();
    return this.#send(call, ...args);
  }

  /**
   * Gives something back that was had, also while the session is being closed. Never rejects: a backend that does
   * not answer lets it lapse.
   *
   * @template {unknown[]} A
   * @param {(handle: number, id: number, ...args: A) => unknown} call
   * @param {A} args
   */
  async giveBack(call, ...args) {
    this.begin();
    try {
      await this.#send(call, ...args);
    } catch {
      // Nobody waits for it.
    } finally {
      this.end();
    }
  }

  /** Something is asked for that would have to be given back. */
  begin() {
    this.#taking++;
  }

  /** It was had or not, and if it was, somebody knows of it. */
  end() {
    this.#taking--;
    if (this.#taking === 0) this.#onDrained();
  }

  /** Resolves when nothing of that kind is under way. */
  async drained() {
    if (this.#taking === 0) return;
    await new Promise((resolve) => {
      this.#onDrained = () => resolve(undefined);
    });
  }

  /**
   * @template {unknown[]} A
   * @template R
   * @param {(handle: number, id: number, ...args: A) => R} call
   * @param {A} args
   * @returns {Promise<R>}
   */
  #send(call, ...args) {
    const id = queue.take();
    const { asked } = queue;
    try {
      call(this.handle, id, ...args);
    } catch (error) {
      queue.drop(id);
      throw error;
    }
    return asked;
  }

  /**
   * What a tier of this process knows of a key: the payload, `null` if it knows that there is none, `undefined` if it
   * does not know.
   *
   * @param {string} _name
   * @returns {Payload | null | undefined}
   */
  near(_name) {
    return undefined;
  }

  /**
   * @param {string} name
   * @param {Reader} reader makes the payload what the caller gets
   * @returns {Promise<any>}
   */
  get(name, reader) {
    if (this.closed) throw isClosed();
    return queue.get(this.handle, name, reader);
  }

  /**
   * @param {readonly string[]} names
   * @returns {Promise<(Payload | undefined | import('./queue.js').Failure)[]>}
   */
  many(names) {
    if (this.closed) throw isClosed();
    return queue.many(this.handle, names);
  }

  /**
   * @param {string} name
   * @param {string} json
   * @param {number} ttl
   * @param {Reader} reader
   * @returns {Promise<any>}
   */
  put(name, json, ttl, reader) {
    if (this.closed) throw isClosed();
    return queue.put(this.handle, name, json, ttl, reader);
  }

  /**
   * @param {string} name
   * @param {readonly string[]} tags
   * @param {boolean} offline whether this process may decide alone while the backend cannot be asked
   * @returns {Promise<LeaseReply>}
   */
  lease(name, tags, offline) {
    if (this.closed) throw isClosed();
    if (tags.length === 0) return queue.lease(this.handle, name, offline);
    return this.#send(binding.lease, name, orNull(tags), offline);
  }

  /**
   * @param {string} name
   * @param {number} lease
   * @param {Encoded} encoded
   * @param {FillTerms} terms
   * @returns {Promise<FillReply>}
   */
  fill(name, lease, encoded, { ttl, grace, tags, keep }) {
    if (this.closed) throw isClosed();
    if (typeof encoded === 'string' && tags.length === 0 && grace === 0 && keep) {
      return queue.fill(this.handle, name, lease, encoded, ttl);
    }
    const { format, content } = formatted(encoded);
    return this.#send(binding.fill, name, lease, format, content, ttl, grace, orNull(tags), keep);
  }
}

/** A backend below a tier of this process. */
class TieredStore extends RemoteStore {
  tiered = true;

  /**
   * @param {number} handle
   * @param {HotTerms | undefined} terms
   */
  constructor(handle, terms) {
    super(handle);
    this.hot = hotOf(handle, terms, queue);
  }

  /**
   * @override
   * @param {string} name
   */
  near(name) {
    if (this.closed) throw isClosed();
    if (this.hot !== undefined) return this.hot.near(name);
    // What was asked before says what is known no more.
    queue.handOverWrites();
    return binding.near(this.handle, name);
  }
}

/**
 * @param {import('./options.js').CheckedOptions} options
 * @param {number} handle
 */
function storeOf({ remote, tiered, hot }, handle) {
  if (tiered) return new TieredStore(handle, hot);
  return remote ? new RemoteStore(handle) : new EmbeddedStore(handle, hot);
}

/** Tags as the binding takes them. @param {readonly string[]} tags */
const orNull = (tags) => (tags.length === 0 ? null : [...tags]);

const isClosed = () => makeError('CACHE_CLOSED', 'the cache is closed');

/** @typedef {EmbeddedStore | RemoteStore} Store */

exports.RemoteStore = RemoteStore;
exports.orNull = orNull;
exports.storeOf = storeOf;
