'use strict';

/** Payloads that are parsed already. */

const { frozen } = require('./frozen.js');
const { isNested, isShallow, shapeOf } = require('./shapes.js');

/** A payload that is parsed already: whoever reads it gets a copy of its value, or that itself where it needs none. */
class Kept {
  /**
   * @param {unknown} value nobody's
   * @param {import('./shapes.js').Shape | undefined} shape its own; `undefined` if it needs no copy
   */
  constructor(value, shape) {
    this.value = value;
    this.shape = shape;
  }

  copy() {
    return this.shape === undefined ? this.value : this.shape.copy(this.value);
  }
}

/**
 * What a text says, if that can be kept: whoever decodes one that is no JSON says so.
 *
 * @param {string} text
 * @param {boolean} isFrozen whether all readers get the value itself
 * @returns {Kept | undefined}
 */
function keptOf(text, isFrozen) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isNested(value)) return new Kept(value, undefined);
  if (!isShallow(value)) return undefined;
  return isFrozen ? new Kept(frozen(value), undefined) : new Kept(value, shapeOf(value));
}

exports.Kept = Kept;
exports.keptOf = keptOf;
