'use strict';

/**
 * JSON text of objects whose shape has come before, at the speed of a template.
 *
 * Objects with the same names in the same order are written by one function. Once some were seen it is compiled, to
 * what a programmer would have written for them by hand:
 *
 *     (v) => '{"id":' + text(v["id"]) + ',"name":' + text(v["name"]) + '}'
 *
 * That takes half of the time that `JSON.stringify` takes, with a look before it whether JSON holds the value. What
 * is written is what `JSON.stringify` writes. Where that is not sure (another class, an accessor that throws, one object
 * in two places, what JSON has not) nothing is, and lib/codec.js goes the long way. So it does everywhere where code may
 * not be made from text (`--disallow-code-generation-from-strings`).
 */

/** An object is written by a function of its own when so many like it were stored. */
const FEW = 8;
/** Names that one function writes, and their characters. */
const MOST_NAMES = 64;
const MOST_CHARACTERS = 4096;
/** Functions that are tried at one place, of those whose objects have the same first name. */
const MOST_WRITERS = 8;
/** Functions that are compiled in all: each costs some kilobytes, and a tenth of a millisecond. */
const MOST_COMPILED = 256;
/** Shapes that are counted until they are compiled. */
const MOST_COUNTED = 256;
/** Objects in one value: all of them are compared, as one that is in two places is not for JSON. */
const MOST_OBJECTS = 16;
/** Longer lists are written by `JSON.stringify`, if there are no objects in them. */
const MOST_ITEMS = 32;
/** Longer texts are quoted by `JSON.stringify` in less time than their characters are looked at here. */
const LONG = 48;
/** How many more values may be written the long way than by a function, until no more functions are tried. */
const PATIENCE = 1000;

/**
 * Writes an object; `undefined` if it has other names, or cannot be written so.
 * @typedef {(value: Record<string, unknown>) => string | undefined} Write
 */

/** @typedef {{ names: readonly string[]; places: readonly Place[]; write: Write }} Writer */

/** The objects of the value that is being written. @type {(object | undefined)[]} */
const met = new Array(MOST_OBJECTS).fill(undefined);
let count = 0;
/** An accessor may store something: that goes the long way. */
let isWriting = false;
let patience = PATIENCE;
let compiled = 0;
/** How often names came that have no function yet. @type {Map<string, number>} */
const seen = new Map();

/**
 * Whether an object was met before in this value, or there are too many.
 *
 * @param {object} value
 */
function meets(value) {
  for (let at = 0; at < count; at++) {
    if (met[at] === value) return true;
  }
  if (count === MOST_OBJECTS) return true;
  met[count++] = value;
  return false;
}

/** @param {string} value */
function quoted(value) {
  if (value.length > LONG) return JSON.stringify(value);
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    // Control characters, quotes, backslashes, and surrogates, which may be alone.
    if (code < 32 || code === 34 || code === 92 || code >= 0xd800) return JSON.stringify(value);
  }
  return `"${value}"`;
}

/**
 * The text of a part of a value.
 *
 * @param {unknown} value
 * @param {Place} place where it is
 * @returns {string | undefined} nothing if it cannot be written so
 */
function text(value, place) {
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? `${value}` : undefined;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : place.text(value);
    default:
      return undefined;
  }
}

/**
 * Whether no item of a list has parts, and JSON holds all of them.
 *
 * @param {readonly unknown[]} list
 */
function areBare(list) {
  for (let at = 0; at < list.length; at++) {
    const item = list[at];
    if (
      typeof item === 'object' ? item !== null : typeof item !== 'string' && text(item, root) === undefined
    ) {
      return false;
    }
  }
  return true;
}

/** A place in values, and what writes the objects that came there. */
class Place {
  /** By the first name of what they write. @type {Map<string, Writer[]>} */
  #writers = new Map();
  /** Where the items of lists are that came here. @type {Place | undefined} */
  #items;

  /**
   * @param {object} value
   * @returns {string | undefined}
   */
  text(value) {
    if (meets(value)) return undefined;
    if (Array.isArray(value)) return this.#list(value);
    // All of its places would be names.
    if (ArrayBuffer.isView(value)) return undefined;
    const record = /** @type {Record<string, unknown>} */ (value);
    const writers = this.#writers.get(firstName(record));
    if (writers === undefined) return undefined;
    for (let at = 0; at < writers.length; at++) {
      const written = writers[at].write(record);
      if (written !== undefined) return written;
    }
    return undefined;
  }

  /** @param {readonly unknown[] & { toJSON?: unknown }} list */
  #list(list) {
    if (list.toJSON !== undefined) return undefined;
    if (list.length > MOST_ITEMS) return areBare(list) ? JSON.stringify(list) : undefined;
    this.#items ??= new Place();
    let written = '[';
    for (let at = 0; at < list.length; at++) {
      const item = text(list[at], this.#items);
      if (item === undefined) return undefined;
      written += at === 0 ? item : `,${item}`;
    }
    return `${written}]`;
  }

  /**
   * Learns how to write a value that JSON holds.
   *
   * @param {unknown} value
   */
  learn(value) {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      this.#items ??= new Place();
      for (let at = 0; at < Math.min(value.length, FEW); at++) this.#items.learn(value[at]);
      return;
    }
    // What JSON holds of it may be something else, and it may be in itself.
    if (Object.getPrototypeOf(value) !== Object.prototype || 'toJSON' in value) return;
    const names = Object.keys(value);
    const first = firstName(value);
    const writers = this.#writers.get(first) ?? [];
    const known = writers.find((writer) => same(writer.names, names));
    if (known !== undefined) {
      Object.values(value).forEach((part, at) => known.places[at].learn(part));
    } else if (writers.length < MOST_WRITERS && isFrequent(names)) {
      const writer = writerOf(names);
      if (writer !== undefined) this.#writers.set(first, [...writers, writer]);
    }
  }
}

/**
 * The first of the names that `for … in` gives; none is ''.
 *
 * @param {object} value
 */
function firstName(value) {
  // eslint-disable-next-line guard-for-in, no-unreachable-loop -- Object.keys would look at all of them
  for (const name in value) return name;
  return '';
}

/**
 * @param {readonly string[]} one
 * @param {readonly string[]} other
 */
function same(one, other) {
  return one.length === other.length && one.every((name, at) => name === other[at]);
}

/** @param {readonly string[]} names */
function isFrequent(names) {
  const key = JSON.stringify(names);
  if (names.length > MOST_NAMES || key.length > MOST_CHARACTERS) return false;
  const times = (seen.get(key) ?? 0) + 1;
  if (times === FEW) seen.delete(key);
  else {
    if (seen.size === MOST_COUNTED) seen.clear();
    seen.set(key, times);
  }
  return times === FEW;
}

/**
 * @param {readonly string[]} names
 * @returns {Writer | undefined}
 */
function writerOf(names) {
  if (compiled === MOST_COMPILED) return undefined;
  const places = names.map(() => new Place());
  const parts = names.map((name, at) => {
    const quotedName = JSON.stringify(name);
    const literal = JSON.stringify(`${at === 0 ? '{' : ','}${quotedName}:`);
    return {
      read: `const t${at} = text(v[${quotedName}], p[${at}]); if (t${at} === undefined) return undefined;`,
      written: `${literal} + t${at}`,
    };
  });
  const code = `'use strict'; return (v) => {
    let at = 0;
    for (const name in v) if (name !== n[at++]) return undefined;
    if (at !== ${names.length} || prototypeOf(v) !== plain || v.toJSON !== undefined) return undefined;
    ${parts.map(({ read }) => read).join('\n')}
    return ${parts.length === 0 ? "'{}'" : `${parts.map(({ written }) => written).join(' + ')} + '}'`};
  };`;
  try {
    compiled++;
    // eslint-disable-next-line no-new-func -- names stand in it as JSON writes them; the rest is written here
    const make = new Function('n', 'p', 'text', 'prototypeOf', 'plain', code);
    return { names, places, write: make(names, places, text, Object.getPrototypeOf, Object.prototype) };
  } catch {
    patience = 0;
    return undefined;
  }
}

/** Where values are. */
const root = new Place();

/**
 * The JSON text of an object or a list, if its shape is known and JSON holds it. Throws what its accessors throw.
 *
 * @param {object} value
 * @returns {string | undefined}
 */
function write(value) {
  if (isWriting || patience === 0) return undefined;
  // Names that all objects were given would count as those of each.
  if (firstName(Object.prototype) !== '') return undefined;
  isWriting = true;
  try {
    const written = root.text(value);
    if (written !== undefined && patience < PATIENCE) patience++;
    return written;
  } finally {
    isWriting = false;
    while (count > 0) met[--count] = undefined;
  }
}

/**
 * An object or a list was written the long way: JSON holds it.
 *
 * @param {object} value
 */
function wrote(value) {
  if (isWriting || patience === 0) return;
  if (--patience === 0) seen.clear();
  try {
    root.learn(value);
  } catch {
    // An accessor that has not thrown before. What was written is.
  }
}

exports.write = write;
exports.wrote = wrote;
