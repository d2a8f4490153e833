'use strict';

/**
 * What this thread has parsed lately of what its backends answered.
 *
 * An answer with the same bytes as one before comes as a number (src/binding/recent.rs), and a copy of what was
 * parsed then costs a fraction of parsing it again. The backend was asked all the same.
 */

/** @type {readonly Kept[]} */
const NONE = Object.freeze([]);

/**
 * A payload that is parsed already. Its value is nobody's: whoever reads it gets a copy.
 *
 * What lies in it is looked for once: a copy then takes half the time that looking for it takes.
 */
class Kept {
  /** @type {unknown} */
  #value;
  /** Where it lies in what it belongs to. @type {string | number} */
  #place;
  /** The objects and lists that lie in it. @type {readonly Kept[]} */
  #inner = NONE;

  /**
   * @param {unknown} value
   * @param {string | number} [place]
   */
  constructor(value, place = '') {
    this.#value = value;
    this.#place = place;
    if (!isNested(value)) return;
    /** @type {Kept[]} */
    const inner = [];
    for (const [name, part] of Object.entries(value)) {
      if (isNested(part)) inner.push(new Kept(part, Array.isArray(value) ? Number(name) : name));
    }
    if (inner.length > 0) this.#inner = inner;
  }

  copy() {
    const value = this.#value;
    if (!isNested(value)) return value;
    /** @type {any} */
    const copy = Array.isArray(value) ? value.slice() : { ...value };
    const inner = this.#inner;
    // A place may be `__proto__`: JSON text has made it a property of its own, which this leaves it.
    for (let at = 0; at < inner.length; at++) copy[inner[at].#place] = inner[at].copy();
    return copy;
  }
}

/**
 * @param {unknown} value
 * @returns {value is object}
 */
const isNested = (value) => typeof value === 'object' && value !== null;

/** @typedef {string | [string] | Buffer | Kept} Payload */

/** By number. A text that cannot be parsed is kept as it is: whoever reads it hears of it. @type {(Kept | string)[]} */
const kept = [];

/**
 * The payload that is kept under a number.
 *
 * @param {number} number
 * @returns {Payload}
 */
const keptUnder = (number) => kept[number];

/**
 * The payload of a text that is to be kept under a number.
 *
 * @param {string} text
 * @param {number} number
 * @returns {Payload}
 */
function keep(text, number) {
  try {
    return (kept[number] = new Kept(JSON.parse(text)));
  } catch {
    return (kept[number] = text);
  }
}

/**
 * The payloads of several keys: a number for one that is kept, a text with a number for one that is to be.
 *
 * @param {any[]} answers changed in place
 */
function payloadsOf(answers) {
  for (let at = 0; at < answers.length; at++) {
    const answer = answers[at];
    if (typeof answer === 'number') answers[at] = keptUnder(answer);
    else if (Array.isArray(answer) && answer.length === 2) answers[at] = keep(answer[0], answer[1]);
  }
  return answers;
}

exports.Kept = Kept;
exports.keep = keep;
exports.keptUnder = keptUnder;
exports.payloadsOf = payloadsOf;
