'use strict';

/**
 * One opened store: what a cache and its namespaces share.
 *
 * Owns the native handle, the events, the running factories and the locks, and ends them together.
 */

const { Events } = require('./events.js');
const { CacheClosedError } = require('./errors.js');
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
