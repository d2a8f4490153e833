'use strict';

/** The `Cache` class: the operations, with a life, a clock, events and figures. */

const { binding } = require('./native.js');
const { attempt, makeError } = require('./errors.js');
const { checkCacheOptions } = require('./options.js');
const { Operations } = require('./operations.js');
const { Session } = require('./session.js');
const { toMillis } = require('./ttl.js');

/** Lets the benchmark call the core directly. */
const HANDLE = Symbol.for('ferrocache.handle');

class Cache extends Operations {
  /** @type {Session} */
  #session;
  /** @type {import('../index.js').ManualClock} */
  clock;

  /** @param {import('../index.js').CacheOptions} [options] */
  constructor(options) {
    const checked = checkCacheOptions(options);
    const session = attempt(() => new Session(checked));
    super(session, checked.prefix);
    this.#session = session;
    this.clock = Object.freeze({
      now: () => attempt(() => binding.now(session.handle)),
      advance: (/** @type {unknown} */ duration) => advance(session, duration),
    });
  }

  get driver() {
    return this.#session.options.driver;
  }

  get name() {
    return this.#session.options.name;
  }

  get closed() {
    return this.#session.closed;
  }

  get [HANDLE]() {
    return this.#session.handle;
  }

  /** @returns {Promise<import('../index.js').CacheStats>} */
  async stats() {
    const { closed, handle } = this.#session;
    if (closed) throw makeError('CACHE_CLOSED', 'the cache is closed');
    const figures = attempt(() => binding.stats(handle));
    const hits = figures.hits + (figures.memory?.hits ?? 0);
    const reads = hits + figures.misses;
    return { driver: this.driver, ...figures, hits, hitRatio: reads === 0 ? 0 : hits / reads };
  }

  async ready() {
    const { closed, store } = this.#session;
    if (closed) throw makeError('CACHE_CLOSED', 'the cache is closed');
    if (store.remote) await attempt(() => store.ask(binding.ready));
  }

  /** @returns {Promise<void>} */
  close() {
    return this.#session.close();
  }

  async [Symbol.asyncDispose]() {
    await this.close();
  }

  /** @param {string} event @param {unknown} listener */
  on(event, listener) {
    this.#session.events.change('on', event, listener);
    return this;
  }

  /** @param {string} event @param {unknown} listener */
  once(event, listener) {
    this.#session.events.change('once', event, listener);
    return this;
  }

  /** @param {string} event @param {unknown} listener */
  off(event, listener) {
    this.#session.events.change('off', event, listener);
    return this;
  }

  /** @param {string} event @param {unknown} listener */
  addListener(event, listener) {
    return this.on(event, listener);
  }

  /** @param {string} event @param {unknown} listener */
  removeListener(event, listener) {
    return this.off(event, listener);
  }

  /** @param {import('../index.js').CacheEventName} event */
  listenerCount(event) {
    return this.#session.events.count(event);
  }
}

/**
 * @param {Session} session
 * @param {unknown} duration
 */
function advance(session, duration) {
  if (!session.options.manualClock) {
    throw makeError('CACHE_CONFIG', "only a cache made with clock: 'manual' can be advanced");
  }
  const millis = toMillis(duration);
  if (millis === Infinity) throw makeError('CACHE_INVALID_TTL', 'a clock cannot be advanced for ever');
  attempt(() => binding.advance(session.handle, millis));
}

exports.Cache = Cache;
