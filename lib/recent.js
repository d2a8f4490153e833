'use strict';

/**
 * What this thread has parsed lately of what its backends answered.
 *
 * An answer with the same bytes as one before comes as a number (src/core/recent.rs), and a copy of what was
 * parsed then costs a fraction of parsing it again. The backend was asked all the same.
 */

const { keptOf } = require('./kept.js');

/** @typedef {import('./native.js').Payload} Payload */
/** @typedef {import('./kept.js').Kept} Kept */

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
 * The payload of a text that is to be kept under a number.
 *
 * @param {string} text
 * @param {number} number
 * @returns {Payload}
 */
function keep(text, number) {
  return (kept[number] = keptOf(text, false) ?? text);
}

exports.keep = keep;
exports.keptUnder = keptUnder;
