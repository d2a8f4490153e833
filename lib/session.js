'use strict';

/**
 * One opened store: what a cache and its namespaces share.
 *
 * Owns the native handle, the events, the running factories and the locks, and ends them together.
 */

const { Events } = require('./events.js');
const { MISS, decode } = require('./codec.js');
const { deadline } = require('./deadline.js');
const { CacheClosedError, makeError } = require('./errors.js');
const { FailOpen } = require('./fail-open.js');
const { Flights } = require('./flights.js');
const { frozen } = require('./frozen.js');
const { Locks } = require('./locks.js');
const native = require('./native.js');
const { Kept } = require('./kept.js');
const { storeOf } = require('./store.js');

/** @typedef {import('./options.js').CheckedOptions} CheckedOptions */

class Session {
  closed = false;
  /** @type {CheckedOptions} */
  options;
  /** @type {number} */
  handle;
  /** @type {import('./store.js').Store} */
  store;
  /** @type {Events} */
  events;
  /** @type {FailOpen} */
  failOpen;
  /** @type {Flights} */
  flights;
  /** @type {Locks} */
  locks;
  /** The tier that answers, for events. @type {import('../index.js').CacheTier} */
  tier;
  /** @type {Promise<void> | undefined} */
  #closing;

  /** @param {CheckedOptions} options */
  constructor(options) {
    this.options = options;
    this.tier = options.tier;
    this.events = new Events(options.logger, () => this.#watch());
    this.handle = native.open(options.native, this);
    this.store = storeOf(options, this.handle);
    this.failOpen = new FailOpen(this, options.remote && options.failOpen);
    this.flights = new Flights(this);
    this.locks = new Locks(this);
  }

  /** The key as events show it: without the cache's prefix. @param {string} key */
  shown(key) {
    return this.options.prefix === '' ? key : key.slice(this.options.prefix.length);
  }

  /** @param {import('./native.js').Notice} notice */
  notice(notice) {
    // A named store tells of all its keys, also of those under another cache's prefix.
    const listed = notice.kind === 'evict' || notice.kind === 'expire';
    if (listed && !(notice.key ?? '').startsWith(this.options.prefix)) return undefined;
    switch (notice.kind) {
      case 'flight':
        return this.flights.landed(notice);
      case 'lockFree':
        return this.locks.freed(/** @type {string} */ (notice.key));
      case 'evict':
        return this.events.emit('evict', {
          key: this.shown(/** @type {string} */ (notice.key)),
          reason: notice.reason ?? 'size',
        });
      case 'expire':
        return this.events.emit('expire', { key: this.shown(/** @type {string} */ (notice.key)) });
      case 'connect':
        return this.events.emit('connect', { driver: this.options.driver });
      case 'disconnect':
        return this.#disconnected(notice.error);
    }
  }

  /**
   * A value that cannot be read is a miss and an event, never an exception.
   *
   * @param {import('./native.js').Payload} payload
   * @param {string} name
   * @param {string} operation
   * @returns {unknown} the value, or MISS
   */
  decode(payload, name, operation) {
    try {
      const value = decode(payload);
      return this.options.frozen && isPlain(payload) ? frozen(value) : value;
    } catch (cause) {
      const error = makeError('CACHE_CORRUPT', 'the stored value cannot be decoded; it reads as a miss', {
        cause,
      });
      this.events.error(error, operation, this.shown(name));
      return MISS;
    }
  }

  /**
   * The value, or null.
   *
   * @param {import('./native.js').Payload} payload
   * @param {string} name
   * @param {string} operation
   */
  orNull(payload, name, operation) {
    const value = this.decode(payload, name, operation);
    return value === MISS ? null : value;
  }

  /** Ends the session. A store in this process is closed when this returns. */
  close() {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end() {
    this.closed = true;
    const reason = new CacheClosedError('the cache was closed');
    this.locks.close(reason);
    this.store.hot?.clear();
    if (this.store.remote) await this.#giveBack(this.store);
    // The core first: who takes a run over must find it given up.
    native.close(this.handle);
    this.flights.close(reason);
    if (this.events.has.disconnect) this.#disconnected();
  }

  /**
   * Gives back what the session holds on a backend, within the bound of one command: the process may end as
   * soon as the cache is closed.
   *
   * @param {import('./store.js').RemoteStore} store
   */
  async #giveBack(store) {
    store.closed = true;
    this.locks.giveBack(store);
    this.flights.giveBack(store);
    let stop = () => {};
    const late = new Promise((resolve) => {
      stop = deadline(this.options.commandTimeout, () => resolve(undefined));
    });
    await Promise.race([store.drained(), late]);
    stop();
    // What was asked before the close goes out, and is answered.
    native.queue.flush();
  }

  /** @param {string} [reason] left out where the cache was closed */
  #disconnected(reason) {
    const { driver } = this.options;
    this.events.emit('disconnect', reason === undefined ? { driver } : { driver, reason });
  }

  // The core tells of evictions and expirations only where somebody listens, and hits that nobody hears of are short.
  #watch() {
    if (this.closed) return;
    const { hit, evict, expire, connect, disconnect } = this.events.has;
    this.store.hot?.listen(hit);
    const connection = this.store.remote && (connect || disconnect);
    native.watch(this.handle, this, { entries: evict || expire, connection });
  }
}

/**
 * Whether it is what JSON holds.
 *
 * @param {import('./native.js').Payload} payload
 */
const isPlain = (payload) => typeof payload === 'string' || payload instanceof Kept;

exports.Session = Session;
