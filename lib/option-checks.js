'use strict';

/**
 * What is wrong with an option, said by its name. Messages name types, and never what may be a secret.
 */

const { makeError, describe } = require('./errors.js');
const { toMillis } = require('./ttl.js');

/** @param {string} message */
const wrong = (message) => makeError('CACHE_CONFIG', message);

/**
 * Refuses an option that is not known.
 *
 * @param {object} given
 * @param {readonly string[]} known
 * @param {string} of whose options they are
 * @param {(message: string) => Error} error
 * @param {readonly string[]} suggested the names to suggest, if other than the known
 * @param {readonly string[]} inConfig those that belong into `config`
 */
function checkOptions(
  given,
  known,
  of,
  error = (message) => makeError('CACHE_INVALID_ARGUMENT', message),
  suggested = known,
  inConfig = [],
) {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = inConfig.includes(name) ? `config.${name}` : nearest(name, suggested);
    const hint = near === undefined ? `expected ${suggested.join(', ')}` : `did you mean '${near}'?`;
    throw error(`'${name}' is no option of ${of}; ${hint}`);
  }
}

/**
 * @param {unknown} value
 * @param {string} at
 * @returns {Record<string, unknown>}
 */
function record(value, at) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mistyped(at, 'an object', value);
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @template T
 * @param {unknown} value
 * @param {(value: unknown, at: string) => T} check
 * @param {string} at
 */
function optional(value, check, at) {
  return value === undefined ? undefined : check(value, at);
}

/** @param {unknown} value @param {string} at */
function text(value, at) {
  if (typeof value !== 'string' || value === '') throw mistyped(at, 'a non-empty string', value);
  return value;
}

/** @param {unknown} value @param {string} at */
function prefix(value, at) {
  if (typeof value !== 'string') throw mistyped(at, 'a string', value);
  if (!value.isWellFormed()) throw wrong(`${at} must be well-formed Unicode, without a lone surrogate`);
  return value;
}

/** @param {unknown} value @param {string} at */
function boolean(value, at) {
  if (typeof value !== 'boolean') throw mistyped(at, 'a boolean', value);
  return value;
}

/** @param {unknown} value @param {number} least @param {string} at */
function atLeast(value, least, at) {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw mistyped(at, `an integer of at least ${least}`, value);
  }
  return value;
}

/** @param {unknown} value @param {string} at */
function logger(value, at) {
  const { warn, error } = /** @type {{ warn?: unknown; error?: unknown }} */ (value ?? {});
  if (typeof warn !== 'function' || typeof error !== 'function') {
    throw mistyped(at, 'an object with the methods warn and error', value);
  }
  return /** @type {import('../index.js').CacheLogger} */ (value);
}

/** @param {unknown} value @param {readonly string[]} names @param {string} at */
function oneOf(value, names, at) {
  if (typeof value === 'string' && names.includes(value)) return value;
  const near = typeof value === 'string' ? nearest(value, names) : undefined;
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  const given = typeof value === 'string' ? `'${value.slice(0, 100)}'` : describe(value);
  throw wrong(`${at} must be ${names.map((name) => `'${name}'`).join(' or ')}, not ${given}${hint}`);
}

/** @param {unknown} value @param {string} at */
function duration(value, at) {
  try {
    const millis = toMillis(value);
    if (millis > 0) return millis;
  } catch (cause) {
    throw makeError('CACHE_CONFIG', `${at}: ${/** @type {Error} */ (cause).message}`, { cause });
  }
  throw wrong(`${at} must be more than 0`);
}

/** @param {string} at @param {string} expected @param {unknown} value */
const mistyped = (at, expected, value) =>
  wrong(`${at} must be ${expected}, not ${value === '' ? 'an empty string' : describe(value)}`);

/**
 * The name that was probably meant: at most a third of its letters are to be changed.
 *
 * @param {string} name
 * @param {readonly string[]} known
 */
function nearest(name, known) {
  let best;
  let least = Infinity;
  for (const candidate of known) {
    const distance = edits(name.slice(0, 40).toLowerCase(), candidate.toLowerCase());
    if (distance < least && distance <= Math.ceil(candidate.length / 3)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/**
 * How many letters are to be added, removed or replaced to make `b` of `a` (Levenshtein).
 *
 * @param {string} a
 * @param {string} b
 */
function edits(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

module.exports = {
  atLeast,
  boolean,
  checkOptions,
  duration,
  logger,
  mistyped,
  oneOf,
  optional,
  prefix,
  record,
  text,
  wrong,
};
