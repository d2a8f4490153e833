'use strict';

/**
 * One opened store: what a cache and its namespaces share.
 *
 * Owns the native handle, the events, the running factories and the locks, and ends them together.
 */

const { Events } = require('./events.js');
const { MISS, decode } = require('./codec.js');
const { CacheClosedError, makeError } = require('./errors.js');
const { Flights } = require('./flights.js');
const { Locks } = require('./locks.js');
const native = require('./native.js');

/** @typedef {import('./options.js').CheckedOptions} CheckedOptions */

class Session {
  closed = false;
  /** @type {CheckedOptions} */
  options;
  /** @type {number} */
  handle;
  /** @type {Events} */
  events;
  /** @type {Flights} */
  flights;
  /** @type {Locks} */
  locks;
  /** The tier that answers, for events. */
  tier = /** @type {const} */ ('memory');

  /** @param {CheckedOptions} options */
  constructor(options) {
    this.options = options;
    this.events = new Events(options.logger, () => this.#watch());
    this.handle = native.open(options.native, this);
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
      return decode(payload);
    } catch (cause) {
      const error = makeError('CACHE_CORRUPT', 'the stored value cannot be decoded; it reads as a miss', {
        cause,
      });
      this.events.error(error, operation, this.shown(name));
      return MISS;
    }
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    const reason = new CacheClosedError('the cache was closed');
    this.locks.close(reason);
    // The core first: who takes a run over must find it given up.
    native.close(this.handle);
    this.flights.close(reason);
    if (this.events.has.disconnect) this.events.emit('disconnect', { driver: this.options.driver });
  }

  // The core tells of evictions and expirations only where somebody listens.
  #watch() {
    if (!this.closed) native.watch(this.handle, this, this.events.has.evict || this.events.has.expire);
  }
}

exports.Session = Session;
