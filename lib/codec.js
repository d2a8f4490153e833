'use strict';

/**
 * Values to payloads and back.
 *
 * What JSON holds exactly travels as JSON text. Everything else that can be stored travels as superjson
 * text, and a Buffer as its bytes. Encoding ends before anything is written, so a value that cannot be
 * encoded leaves the cache as it was.
 */

const { types } = require('node:util');
const { makeError } = require('./errors.js');
const { Kept } = require('./kept.js');
const { NotANumber, hasPollutingKey, isBinary, toPlain } = require('./plain.js');
const writers = require('./writers.js');

/** @typedef {import('./native.js').Payload} Payload */

/** Numbers of the formats, as src/binding/convert.rs reads them. */
const Format = /** @type {const} */ ({ json: 0, superjson: 1, bytes: 2 });

/** What a read answers for a payload that cannot be decoded. */
const MISS = Symbol('miss');

/** @type {import('superjson').SuperJSON | undefined} */
let superjson;

/**
 * superjson, loaded with the first value that needs it.
 */
function rich() {
  if (superjson === undefined) {
    const { SuperJSON } = /** @type {typeof import('superjson')} */ (require('superjson'));
    superjson = new SuperJSON();
    // superjson has no Buffer, writes typed arrays as arrays of numbers and lacks the BigInt ones.
    superjson.registerCustom(
      {
        isApplicable: isBinary,
        serialize: (value) => [binaryName(value), toBuffer(value).toString('base64')],
        deserialize: ([name, text]) => fromBase64(name, text),
      },
      'binary',
    );
    // superjson refuses these keys, which could pollute a prototype if they were assigned. As pairs they are not.
    superjson.registerCustom(
      {
        isApplicable: hasPollutingKey,
        serialize: (value) => /** @type {any} */ (Object.entries(value)),
        deserialize: (pairs) =>
          Object.fromEntries(/** @type {[string, unknown][]} */ (/** @type {unknown} */ (pairs))),
      },
      'entries',
    );
    // superjson takes all NaNs of a value for one shared object, and may not find it again.
    superjson.registerCustom(
      {
        isApplicable: /** @returns {value is NotANumber} */ (value) => value instanceof NotANumber,
        serialize: () => 'NaN',
        deserialize: () => /** @type {any} */ (NaN),
      },
      'nan',
    );
    // superjson takes an invalid date for no date, and JSON makes null of it.
    superjson.registerCustom(
      {
        isApplicable: /** @returns {value is Date} */ (value) =>
          types.isDate(value) && Number.isNaN(value.getTime()),
        serialize: () => null,
        deserialize: () => new Date(NaN),
      },
      'invalid-date',
    );
  }
  return superjson;
}

/** @param {ArrayBufferView | ArrayBuffer} value */
function binaryName(value) {
  return Buffer.isBuffer(value) ? 'Buffer' : Object.prototype.toString.call(value).slice(8, -1);
}

/** @param {ArrayBufferView | ArrayBuffer} value */
function toBuffer(value) {
  return ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
}

/** @type {Record<string, new (buffer: ArrayBuffer) => ArrayBufferView>} */
const BINARY = {
  ArrayBuffer: /** @type {any} */ (undefined),
  DataView,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
};

/**
 * @param {string} name
 * @param {string} text
 * @returns {ArrayBufferView | ArrayBuffer}
 */
function fromBase64(name, text) {
  const bytes = Buffer.from(text, 'base64');
  if (name === 'Buffer') return bytes;
  if (!Object.hasOwn(BINARY, name)) throw new TypeError(`unknown binary type ${name}`);
  // A copy: a pooled Buffer may start at an offset that a wider type cannot have.
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return name === 'ArrayBuffer' ? buffer : new BINARY[name](buffer);
}

/** Up to this many objects, looking through all is faster than a Set. */
const FEW = 16;

/** The objects met on the way through a value. */
class Seen {
  constructor() {
    /** @type {object[]} */
    this.few = [];
    /** @type {Set<object> | undefined} */
    this.many = undefined;
  }

  /**
   * Whether the object was met before; from now on it was.
   * @param {object} value
   */
  meets(value) {
    if (this.many !== undefined) return this.many.size === this.many.add(value).size;
    const { few } = this;
    for (let at = 0; at < few.length; at++) {
      if (few[at] === value) return true;
    }
    few.push(value);
    if (few.length > FEW) this.many = new Set(few);
    return false;
  }
}

/**
 * Whether JSON text brings the value back as it is, but for functions and symbols, which it drops.
 *
 * @param {unknown} value
 * @param {Seen} seen
 * @returns {boolean}
 */
function jsonHolds(value, seen) {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'function':
    case 'symbol':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || objectHolds(value, seen);
    default:
      return false;
  }
}

/**
 * @param {object} value
 * @param {Seen} seen
 */
function objectHolds(value, seen) {
  if (seen.meets(value)) return false;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      // A hole is null, as in JSON: superjson would lose those at the end.
      if (!jsonHolds(value[at], seen) && at in value) return false;
    }
    return true;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    if (types.isPromise(value)) throw new TypeError('a Promise cannot be stored: was an await forgotten?');
    if (isRich(value)) return false;
  }
  const record = /** @type {Record<string, unknown>} */ (value);
  if (typeof record.toJSON === 'function') return true;
  // Inherited ones too, for asking whose they are costs as much as the rest: at worst superjson takes a value
  // that JSON could have.
  for (const key in record) {
    if (!jsonHolds(record[key], seen)) return false;
  }
  return true;
}

/**
 * Whether superjson knows the object's type.
 * @param {object} value
 */
function isRich(value) {
  return (
    types.isDate(value) ||
    types.isMap(value) ||
    types.isSet(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    isBinary(value) ||
    value instanceof URL
  );
}

/**
 * An encoded value: JSON text as it is, everything else with its format.
 * @typedef {string | { format: number; content: string | Buffer }} Encoded
 */

/**
 * @param {unknown} value
 * @returns {Encoded}
 * @throws {import('../index.js').CacheError} CACHE_INVALID_VALUE
 */
function encode(value) {
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw makeError(
      'CACHE_INVALID_VALUE',
      `a ${typeof value} cannot be stored; expected data, such as an object, a text or a number`,
    );
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return JSON.stringify(value);
  try {
    // isView first: `isBuffer` walks the prototypes of every other object.
    if (ArrayBuffer.isView(value) && Buffer.isBuffer(value)) return { format: Format.bytes, content: value };
    // JSON has it, and JSON.stringify does not write it. As JSON it can go on as a counter.
    if (Object.is(value, -0)) return '-0';
    const isObject = typeof value === 'object';
    const written = isObject ? writers.write(/** @type {object} */ (value)) : undefined;
    if (written !== undefined) return written;
    if (jsonHolds(value, new Seen())) {
      const text = JSON.stringify(value);
      if (text !== undefined) {
        if (isObject) writers.wrote(/** @type {object} */ (value));
        return text;
      }
      // A `toJSON` that answers undefined leaves nothing to store: as if undefined were given.
      value = undefined;
    }
    return { format: Format.superjson, content: rich().stringify(toPlain(value)) };
  } catch (cause) {
    const reason = cause instanceof RangeError ? 'it is nested too deeply or too long' : 'reading it failed';
    throw makeError(
      'CACHE_INVALID_VALUE',
      `the value cannot be stored: ${reason} (${cause instanceof TypeError ? cause.message : 'see cause'})`,
      { cause },
    );
  }
}

/**
 * What superjson's text holds. Of text that is none it would make `undefined`.
 *
 * @param {string} text
 */
function parseRich(text) {
  const parsed = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || !('json' in parsed || 'meta' in parsed)) {
    throw new SyntaxError('this is no text of superjson');
  }
  return rich().deserialize(parsed);
}

/**
 * An encoded value with its format.
 *
 * @param {Encoded} encoded
 */
const formatted = (encoded) =>
  typeof encoded === 'string' ? { format: Format.json, content: encoded } : encoded;

/**
 * @param {Payload} payload
 * @returns {unknown}
 */
function decode(payload) {
  if (typeof payload === 'string') return JSON.parse(payload);
  if (payload instanceof Kept) return payload.copy();
  return Array.isArray(payload) ? parseRich(payload[0]) : payload;
}

/**
 * What `decode` makes of an encoded value, without a round trip: a copy that shares nothing with the value.
 *
 * @param {Encoded} encoded
 * @returns {unknown}
 */
function copyOf(encoded) {
  if (typeof encoded === 'string') return JSON.parse(encoded);
  if (typeof encoded.content === 'string') return rich().parse(encoded.content);
  return Buffer.from(encoded.content);
}

module.exports = { MISS, encode, formatted, decode, copyOf };
