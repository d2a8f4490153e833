'use strict';

/**
 * Values as superjson can be trusted with them: read as JSON.stringify would read them (`toJSON` heeded,
 * instances of classes with their fields, which superjson would not look into), types of other realms as those
 * of this one. What is shared or circular stays so.
 */

const { types } = require('node:util');

/** Stands for a NaN of its own. */
class NotANumber {}

/**
 * @param {unknown} value
 * @returns {value is ArrayBufferView | ArrayBuffer}
 */
const isBinary = (value) => ArrayBuffer.isView(value) || types.isArrayBuffer(value);

/**
 * Whether the value is a plain object with a key that superjson refuses.
 *
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function hasPollutingKey(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return false;
  return ['__proto__', 'constructor', 'prototype'].some((key) => Object.hasOwn(value, key));
}

/** The copies made of the objects of one value. */
class Copies {
  /** @type {Map<object, unknown>} */
  #made = new Map();
  /** Whether an object was met twice. */
  shares = false;
  /** Whether an object has a polluting key. */
  pollutes = false;
  /** Whether an object that is met again is copied again. */
  #apart;

  /** @param {boolean} apart */
  constructor(apart) {
    this.#apart = apart;
  }

  /** @param {object} value */
  of(value) {
    const copy = this.#made.get(value);
    if (copy !== undefined) this.shares = true;
    return copy;
  }

  /**
   * @template {object} T
   * @param {object} value
   * @param {T} copy
   */
  keep(value, copy) {
    if (!this.#apart) this.#made.set(value, copy);
    return copy;
  }
}

/**
 * @param {unknown} value
 * @returns {unknown}
 * @throws {RangeError} if it is nested too deeply; or circular, with a polluting key
 */
function toPlain(value) {
  const copies = new Copies(false);
  const copy = plain(value, copies);
  // superjson finds a shared object again by its path, and an object with a polluting key travels by another.
  // Then what is shared is stored as often as it is met, as in JSON.
  return copies.pollutes && copies.shares ? plain(value, new Copies(true)) : copy;
}

/**
 * @param {any} value
 * @param {Copies} copies
 * @returns {any}
 */
function plain(value, copies) {
  if (typeof value === 'number') return Number.isNaN(value) ? new NotANumber() : value;
  if (typeof value !== 'object' || value === null || isBinary(value)) return value;
  const known = copies.of(value);
  if (known !== undefined) return known;
  if (types.isDate(value)) return copies.keep(value, new Date(value.getTime()));
  if (types.isRegExp(value)) return copies.keep(value, new RegExp(value.source, value.flags));
  if (types.isBoxedPrimitive(value)) return plain(value.valueOf(), copies);
  if (types.isNativeError(value) || value instanceof URL) return value;
  if (types.isMap(value)) {
    const map = copies.keep(value, new Map());
    for (const [key, item] of value) map.set(plain(key, copies), plain(item, copies));
    return map;
  }
  if (types.isSet(value)) {
    const set = copies.keep(value, new Set());
    for (const item of value) set.add(plain(item, copies));
    return set;
  }
  if (typeof value.toJSON === 'function') return plain(value.toJSON(), copies);
  if (Array.isArray(value)) {
    const list = copies.keep(value, /** @type {unknown[]} */ ([]));
    for (let at = 0; at < value.length; at++) list.push(at in value ? plain(value[at], copies) : null);
    return list;
  }
  return fields(value, copies);
}

/**
 * @param {Record<string, unknown>} value
 * @param {Copies} copies
 */
function fields(value, copies) {
  const copy = copies.keep(value, {});
  for (const key of Object.keys(value)) {
    // Defined, not assigned: a key may be `__proto__`.
    const field = { value: plain(value[key], copies), enumerable: true, configurable: true, writable: true };
    Object.defineProperty(copy, key, field);
  }
  copies.pollutes ||= hasPollutingKey(copy);
  return copy;
}

exports.NotANumber = NotANumber;
exports.hasPollutingKey = hasPollutingKey;
exports.isBinary = isBinary;
exports.toPlain = toPlain;
