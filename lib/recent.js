'use strict';

/**
 * What this thread has parsed lately of what its backends answered.
 *
 * An answer with the same bytes as one before comes as a number (src/core/recent.rs), and a copy of what was
 * parsed then costs a fraction of parsing it again. The backend was asked all the same.
 */

const { isNested, isShallow, shapeOf } = require('./shapes.js');

/** A payload that is parsed already. Its value is nobody's: whoever reads it gets a copy. */
class Kept {
  #value;
  #shape;

  /**
   * @param {unknown} value
   * @param {import('./shapes.js').Shape | undefined} shape its own; `undefined` if it needs no copy
   */
  constructor(value, shape) {
    this.#value = value;
    this.#shape = shape;
  }

  copy() {
    return this.#shape === undefined ? this.#value : this.#shape.copy(this.#value);
  }
}

/** @typedef {string | [string] | Buffer | Kept} Payload */

/** By number. A text that cannot be is kept as it is: whoever reads it decodes it, or hears that it is none. @type {(Kept | string)[]} */
const kept = [];

/**
 * The payload that is kept under a number.
 *
 * @param {number} number
 * @returns {Payload}
 */
const keptUnder = (number) => kept[number];

/**
 * What a text says, if that can be kept.
 *
 * @param {string} text
 * @returns {Kept | undefined}
 */
function parsed(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isShallow(value)) return undefined;
  return new Kept(value, isNested(value) ? shapeOf(value) : undefined);
}

/**
 * The payload of a text that is to be kept under a number.
 *
 * @param {string} text
 * @param {number} number
 * @returns {Payload}
 */
function keep(text, number) {
  return (kept[number] = parsed(text) ?? text);
}

exports.Kept = Kept;
exports.keep = keep;
exports.keptUnder = keptUnder;
