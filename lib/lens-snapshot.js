'use strict';

/**
 * What a cached value looks like in the Lens dashboard: a bounded, JSON-safe copy, taken while the
 * event is emitted.
 *
 * Why a copy: Lens queues an entry by reference and calls `JSON.stringify` on it about 100 ms later.
 * By then the app may have changed the value, and a BigInt, a cycle or a throwing `toJSON` would lose
 * the whole entry (its `data` column is NOT NULL).
 *
 * Why wrapped: the dashboard hides the "Value" tab of a falsy value, and its viewer draws nothing for
 * a number or a boolean. So the outermost value is always an object or an array.
 */

const { Buffer } = require('node:buffer');

/** The most characters of text (keys included) that one snapshot holds, about 8 KiB as JSON. */
const MAX_CHARS = 8_192;
/** The deepest level that is copied; what lies below is named, not shown. */
const MAX_DEPTH = 8;
/** The most characters of a cache key that are shown. */
const MAX_KEY_CHARS = 512;
/** The most bytes of a Buffer that are shown. */
const MAX_BYTES_SHOWN = 512;
/** What an array element or a property costs beside its text, so that empty ones are bounded too. */
const NODE_COST = 4;

/**
 * One walk over one value.
 *
 * @typedef {{ left: number, path: object[] }} Walk `left`: characters that may still be spent;
 *   `path`: the objects that contain the one being copied
 */

/**
 * @param {string} text
 * @param {number} limit in characters
 * @returns {string}
 */
function truncate(text, limit) {
  if (text.length <= limit) return text;
  const kept = Math.max(0, limit);
  return `${text.slice(0, kept)}… (+${text.length - kept} characters)`;
}

/**
 * @param {Walk} walk
 * @param {string} text
 * @returns {string}
 */
function spend(walk, text) {
  const shown = truncate(text, walk.left);
  walk.left -= text.length;
  return shown;
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function messageOf(error) {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'unknown error';
  }
}

/**
 * @param {Walk} walk
 * @param {ArrayBufferView | ArrayBuffer | SharedArrayBuffer} value
 * @returns {object}
 */
function copyBytes(walk, value) {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  const head = bytes.subarray(0, MAX_BYTES_SHOWN);
  const text = head.toString('utf8');
  // The last character may be cut in two by the limit; any other replacement mark means binary data.
  const readable = !text.slice(0, -1).includes('\uFFFD') && !text.includes('\0');
  return {
    type: value.constructor?.name ?? 'Buffer',
    bytes: bytes.byteLength,
    [readable ? 'text' : 'hex']: spend(walk, readable ? text : head.toString('hex')),
  };
}

/**
 * @param {Walk} walk
 * @param {Iterable<unknown>} items
 * @param {number} size how many items there are
 * @param {number} depth
 * @returns {unknown[]}
 */
function copyItems(walk, items, size, depth) {
  const copy = [];
  for (const item of items) {
    if (walk.left <= 0) {
      copy.push(`… (+${size - copy.length} items)`);
      break;
    }
    walk.left -= NODE_COST;
    copy.push(copyValue(walk, item, depth + 1));
  }
  return copy;
}

/**
 * @param {Walk} walk
 * @param {Record<string, unknown>} object
 * @param {number} depth
 * @returns {Record<string, unknown>}
 */
function copyProperties(walk, object, depth) {
  /** @type {Record<string, unknown>} */
  const copy = {};
  const keys = Object.keys(object);
  for (const [index, key] of keys.entries()) {
    if (walk.left <= 0) {
      copy['…'] = `(+${keys.length - index} properties)`;
      break;
    }
    walk.left -= NODE_COST;
    const name = spend(walk, key);
    let value;
    try {
      value = copyValue(walk, object[key], depth + 1);
    } catch (error) {
      value = `[threw: ${messageOf(error)}]`;
    }
    // Defined, not assigned: `__proto__` is a key like any other here.
    Object.defineProperty(copy, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}

/**
 * @param {Walk} walk
 * @param {object} object
 * @param {number} depth
 * @returns {unknown}
 */
function copyObject(walk, object, depth) {
  if (object instanceof Date) {
    return Number.isNaN(object.getTime()) ? '[Invalid Date]' : object.toISOString();
  }
  if (object instanceof RegExp || object instanceof URL) return spend(walk, String(object));
  if (ArrayBuffer.isView(object) || object instanceof ArrayBuffer || object instanceof SharedArrayBuffer) {
    return copyBytes(walk, object);
  }
  if (walk.path.includes(object)) return '[circular]';
  if (depth >= MAX_DEPTH) return Array.isArray(object) ? '[array]' : '[object]';

  walk.path.push(object);
  try {
    if (Array.isArray(object)) return copyItems(walk, object, object.length, depth);
    if (object instanceof Map) {
      return {
        type: 'Map',
        size: object.size,
        entries: copyItems(walk, object, object.size, depth),
      };
    }
    if (object instanceof Set) {
      return {
        type: 'Set',
        size: object.size,
        values: copyItems(walk, object, object.size, depth),
      };
    }
    if (object instanceof Error) {
      return { type: object.name, message: spend(walk, messageOf(object)) };
    }
    const { toJSON } = /** @type {{ toJSON?: unknown }} */ (object);
    if (typeof toJSON === 'function') return copyValue(walk, toJSON.call(object), depth + 1);
    return copyProperties(walk, /** @type {Record<string, unknown>} */ (object), depth);
  } finally {
    walk.path.pop();
  }
}

/**
 * @param {Walk} walk
 * @param {unknown} value
 * @param {number} depth
 * @returns {unknown}
 */
function copyValue(walk, value, depth) {
  switch (typeof value) {
    case 'string':
      return spend(walk, value);
    case 'boolean':
      return value;
    case 'number':
      // JSON has no NaN, Infinity or negative zero.
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : `[${Object.is(value, -0) ? '-0' : value}]`;
    case 'bigint':
      return spend(walk, `${value}n`);
    case 'undefined':
      return '[undefined]';
    case 'symbol':
    case 'function':
      return `[${typeof value}]`;
    default:
      if (value === null) return null;
      try {
        return copyObject(walk, /** @type {object} */ (value), depth);
      } catch (error) {
        return `[threw: ${messageOf(error)}]`;
      }
  }
}

/**
 * A bounded, JSON-safe copy of a cached value for the Lens dashboard. Never throws.
 *
 * Objects and arrays keep their form; a Map, Set, Buffer or typed array becomes an object that names
 * its type; anything else, `null` and `undefined` included, is wrapped as `{ value }`.
 *
 * @param {unknown} value
 * @returns {object} an object or array that `JSON.stringify` takes, of about 8,192 characters at most
 */
function snapshotValue(value) {
  const copy = copyValue({ left: MAX_CHARS, path: [] }, value, 0);
  return typeof copy === 'object' && copy !== null ? copy : { value: copy };
}

/**
 * A cache key as Lens shows it: at most 512 characters.
 *
 * @param {string} key
 * @returns {string}
 */
function snapshotKey(key) {
  return truncate(key, MAX_KEY_CHARS);
}

module.exports = { snapshotValue, snapshotKey };
