'use strict';

/** Values that are handed out once for all: frozen as deep as they go. */

/**
 * Freezes what JSON text was parsed to.
 *
 * @template T
 * @param {T} value
 * @returns {T}
 */
function frozen(value) {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const record = /** @type {Record<string, unknown>} */ (value);
  for (const name of Object.keys(record)) {
    if (typeof record[name] === 'object') frozen(record[name]);
  }
  return Object.freeze(value);
}

exports.frozen = frozen;
