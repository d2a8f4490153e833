'use strict';

/**
 * The events of a cache, and where an error goes that no promise can report.
 *
 * Nothing is measured or built for an event that nobody listens to: operations ask `has` first.
 */

const { EventEmitter } = require('node:events');
const { types } = require('node:util');
const { makeError, describe } = require('./errors.js');

/** @typedef {import('../index.js').CacheEvents} CacheEvents */
/** @typedef {import('../index.js').CacheEventName} CacheEventName */

/** Which events exist. A listener of another name would wait for ever. */
const NAMES = /** @type {const} */ ([
  'hit',
  'miss',
  'write',
  'delete',
  'clear',
  'evict',
  'expire',
  'stale',
  'refresh',
  'invalidate',
  'lock',
  'error',
  'connect',
  'disconnect',
]);

class Events {
  #emitter = new EventEmitter();
  #warned = false;
  /** @type {import('../index.js').CacheLogger | undefined} */
  #logger;
  /** @type {(name: CacheEventName, listening: boolean) => void} */
  #onChange;

  /** Whether anybody listens to an event, by its name. */
  has = /** @type {Record<CacheEventName, boolean>} */ (
    Object.fromEntries(NAMES.map((name) => [name, false]))
  );

  /**
   * @param {import('../index.js').CacheLogger | undefined} logger takes the errors that no listener takes
   * @param {(name: CacheEventName, listening: boolean) => void} onChange told when an event gets its first
   *   listener or loses its last
   */
  constructor(logger, onChange) {
    this.#emitter.setMaxListeners(0);
    this.#logger = logger;
    this.#onChange = onChange;
  }

  /**
   * @param {'on' | 'once' | 'off'} method
   * @param {unknown} name
   * @param {unknown} listener
   */
  change(method, name, listener) {
    if (typeof name !== 'string' || !NAMES.includes(/** @type {CacheEventName} */ (name))) {
      throw makeError(
        'CACHE_INVALID_ARGUMENT',
        `there is no such event; expected one of ${NAMES.join(', ')}`,
      );
    }
    if (typeof listener !== 'function') {
      throw makeError('CACHE_INVALID_ARGUMENT', `a listener must be a function, not ${describe(listener)}`);
    }
    this.#emitter[method](name, /** @type {(...args: unknown[]) => void} */ (listener));
    this.#update(/** @type {CacheEventName} */ (name));
  }

  /** @param {CacheEventName} name */
  count(name) {
    return this.#emitter.listenerCount(name);
  }

  /**
   * Calls the listeners of an event. Never throws.
   *
   * @template {CacheEventName} E
   * @param {E} name
   * @param {CacheEvents[E]} event
   */
  emit(name, event) {
    // One by one, so that a listener that throws keeps no other from hearing.
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        const answer = Reflect.apply(listener, undefined, [event]);
        // An async listener that rejects must not become an unhandled rejection.
        if (types.isPromise(answer)) answer.catch((error) => this.#listenerThrew(name, error));
      } catch (error) {
        this.#listenerThrew(name, error);
      }
    }
    if (this.has[name]) this.#update(name);
  }

  /**
   * Reports an error that no promise can report: to the `error` listeners, else the logger, else once as a
   * process warning. Never throws.
   *
   * @param {unknown} error
   * @param {string} operation
   * @param {string} [key]
   */
  error(error, operation, key) {
    const reported =
      error instanceof Error
        ? error
        : new Error(`${operation} failed with ${describe(error)}`, { cause: error });
    const event = key === undefined ? { error: reported, operation } : { error: reported, operation, key };
    if (this.has.error) this.emit('error', event);
    else this.#unheard(event);
  }

  /** @param {{ error: Error; operation: string; key?: string }} event */
  #unheard({ error, operation, key }) {
    if (this.#logger !== undefined) {
      try {
        this.#logger.error({ err: error, operation, key }, `cache: ${operation} failed: ${error.message}`);
      } catch {
        // A logger that fails has nowhere to be reported.
      }
    } else if (!this.#warned) {
      this.#warned = true;
      process.emitWarning(
        `cache: ${operation} failed: ${error.message} (this is said once; listen to 'error' or give a logger to hear of each)`,
        'CacheWarning',
      );
    }
  }

  /**
   * @param {CacheEventName} name
   * @param {unknown} error
   */
  #listenerThrew(name, error) {
    const operation = `listener of '${name}'`;
    const reported = isError(error)
      ? error
      : new Error(`a listener threw ${describe(error)}`, { cause: error });
    // An error listener that throws must not be told of its own error.
    if (name === 'error') this.#unheard({ error: reported, operation });
    else this.error(reported, operation);
  }

  /** @param {CacheEventName} name */
  #update(name) {
    const listening = this.#emitter.listenerCount(name) > 0;
    if (listening === this.has[name]) return;
    this.has[name] = listening;
    this.#onChange(name, listening);
  }
}

/**
 * Also an error of another realm.
 *
 * @param {unknown} value
 * @returns {value is Error}
 */
const isError = (value) => value instanceof Error || types.isNativeError(value);

exports.Events = Events;
exports.NAMES = NAMES;
