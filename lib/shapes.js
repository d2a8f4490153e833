'use strict';

/**
 * Copies of what JSON text was parsed to, at the speed of a literal.
 *
 * Values of one shape (the same names in the same order, at the same places) are copied by one function. Once some were
 * copied it is compiled, to what a programmer would have written for this shape by hand:
 *
 *     (v) => ({ "id": v["id"], "roles": v["roles"].slice(), "profile": { "city": v["profile"]["city"] } })
 *
 * That takes a third of the time of a walk through the value. Where code may not be made from text
 * (`--disallow-code-generation-from-strings`), and for what is too large to be written out, the walk remains.
 */

/** A shape is compiled when so many values were copied. */
const FEW = 8;
/** Names that are written out in one function, and how deep. What is beyond is copied by a walk. */
const MOST_NAMES = 64;
const DEEPEST = 8;
/** Items of a list that are written out, until there are too many shapes. */
let writtenOut = 4;
/** Characters of the places that are written out: names may be long, and each place has all that lead to it. */
const MOST_CHARACTERS = 4096;
/** Items of a list that are looked at, whether they have one shape. */
const MOST_ITEMS = 1024;
/** Levels of a value that is copied at all: a walk is as deep as the value, and the stack has an end. */
const MOST_LEVELS = 200;
/**
 * Shapes that are known at once. With more than that all are forgotten, and what is forgotten is not compiled: where most
 * values have a shape of their own, that would cost more than it saves.
 */
const MOST_SHAPES = 256;

/** @typedef {(value: any) => any} Copier */

/**
 * @param {unknown} value
 * @returns {value is object}
 */
const isNested = (value) => typeof value === 'object' && value !== null;

/** @type {Copier} */
function walk(value) {
  if (!isNested(value)) return value;
  if (Array.isArray(value)) return value.map(walk);
  /** @type {Record<string, unknown>} */
  const copy = { ...value };
  for (const name of Object.keys(copy)) {
    // A name may be `__proto__`: JSON text has made it a property of its own, which this leaves it.
    if (isNested(copy[name])) copy[name] = walk(copy[name]);
  }
  return copy;
}

/** Tells shapes apart. */
let count = 0;

/** What values have in common that are copied by one function. */
class Shape {
  id = ++count;
  /** The text of the function's result, where the value is `v`; other shapes in it are `s[n]`. */
  #text;
  #others;
  #copied = 0;

  /**
   * @param {string} text
   * @param {readonly Shape[]} others
   * @param {string} key what it is known by
   */
  constructor(text, others, key) {
    this.#text = text;
    this.#others = others;
    /** Copies a value of this shape. @type {Copier} */
    this.copy = (value) => {
      if (++this.#copied === FEW) this.copy = known.get(key) === this ? this.#compiled() : walk;
      return walk(value);
    };
  }

  /** @returns {Copier} */
  #compiled() {
    try {
      // eslint-disable-next-line no-new-func -- names stand in it as JSON writes them; the rest is written here
      const make = new Function('s', 'each', 'walk', `'use strict'; return (v) => (${this.#text});`);
      return make(this.#others, each, walk);
    } catch {
      return walk;
    }
  }
}

/**
 * Copies a list whose items have one shape.
 *
 * @param {readonly object[]} list
 * @param {Shape} shape
 */
function each(list, shape) {
  const copy = [];
  for (let at = 0; at < list.length; at++) copy.push(shape.copy(list[at]));
  return copy;
}

/** The shapes that are known, by their text and the shapes in it. @type {Map<string, Shape>} */
const known = new Map();

/** Writes the text of one shape. */
class Writer {
  /** @type {Shape[]} */
  #others = [];
  #names = 0;
  #characters = 0;

  /** @param {object} value */
  shape(value) {
    const text = this.#nested(value, 'v', 0);
    const key = this.#others.reduce((all, other) => `${all} ${other.id}`, text);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size === MOST_SHAPES) {
      known.clear();
      // Lists of each length make a shape of their own.
      writtenOut = 0;
    }
    const shape = new Shape(text, this.#others, key);
    known.set(key, shape);
    return shape;
  }

  /**
   * @param {object} value
   * @param {string} place where it is
   * @param {number} depth
   * @returns {string}
   */
  #nested(value, place, depth) {
    if (Array.isArray(value)) return this.#list(value, place);
    const parts = Object.entries(value);
    this.#names += parts.length;
    if (this.#names > MOST_NAMES || depth > DEEPEST) return `walk(${place})`;
    for (const [name] of parts) this.#characters += place.length + name.length;
    if (this.#characters > MOST_CHARACTERS) return `walk(${place})`;
    const texts = parts.map(([name, part]) => {
      const quoted = JSON.stringify(name);
      const inner = `${place}[${quoted}]`;
      const text = isNested(part) ? this.#nested(part, inner, depth + 1) : inner;
      // Without the brackets it would be the prototype of the copy.
      return name === '__proto__' ? `[${quoted}]:${text}` : `${quoted}:${text}`;
    });
    return `{${texts.join()}}`;
  }

  /**
   * @param {readonly unknown[]} list
   * @param {string} place
   */
  #list(list, place) {
    if (!list.some(isNested)) {
      if (list.length > writtenOut) return `${place}.slice()`;
      return `[${list.map((_, at) => `${place}[${at}]`).join()}]`;
    }
    const [first] = list;
    if (list.length > MOST_ITEMS || !isNested(first) || Array.isArray(first)) return `walk(${place})`;
    // Each item once: a list in each item of a list would double the work at each level.
    const shape = new Writer().shape(first);
    for (let at = 1; at < list.length; at++) {
      const item = list[at];
      if (!isNested(item) || new Writer().shape(item) !== shape) return `walk(${place})`;
    }
    return `each(${place},s[${this.#others.push(shape) - 1}])`;
  }
}

/**
 * Whether a parsed value is not nested too deeply to be copied.
 *
 * @param {unknown} value
 * @param {number} [levels]
 * @returns {boolean}
 */
function isShallow(value, levels = MOST_LEVELS) {
  if (!isNested(value)) return true;
  return levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1));
}

/**
 * The shape of a parsed value that is shallow.
 *
 * @param {object} value
 * @returns {Shape}
 */
function shapeOf(value) {
  return new Writer().shape(value);
}

exports.Shape = Shape;
exports.isNested = isNested;
exports.isShallow = isShallow;
exports.shapeOf = shapeOf;
