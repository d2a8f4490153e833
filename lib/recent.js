'use strict';

/**
 * What this thread has parsed lately of what its backends answered.
 *
 * An answer with the same bytes as one before comes as a number (src/binding/recent.rs), and a copy of what was
 * parsed then costs a fraction of parsing it again. The backend was asked all the same.
 */

/** A payload that is parsed already. Its value is nobody's: whoever reads it gets a copy. */
class Kept {
  /** @type {unknown} */
  #value;

  /** @param {unknown} value */
  constructor(value) {
    this.#value = value;
  }

  copy() {
    return copyOf(this.#value);
  }
}

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

/**
 * A copy of what JSON text was parsed to.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function copyOf(value) {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const copy = value.slice();
    for (let at = 0; at < copy.length; at++) {
      if (typeof copy[at] === 'object') copy[at] = copyOf(copy[at]);
    }
    return copy;
  }
  /** @type {Record<string, unknown>} */
  const copy = { ...value };
  for (const name in copy) {
    // The name may be `__proto__`: JSON text has made it a property of its own, which this leaves it.
    if (typeof copy[name] === 'object') copy[name] = copyOf(copy[name]);
  }
  return copy;
}

exports.Kept = Kept;
exports.keep = keep;
exports.keptUnder = keptUnder;
exports.payloadsOf = payloadsOf;
