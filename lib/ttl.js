'use strict';

/**
 * The one home of the TTL rule: what a caller may write, as milliseconds.
 *
 * A text is read by the core (the Rust crate humantime); each different text once.
 */

const { makeError, describe } = require('./errors.js');
const { binding } = require('./native.js');

const EXPECTED =
  "expected seconds as a number, a duration like '500ms', '30s', '5m', '1h', '1d', '1w' or '1h 30m', 'forever' or Infinity";

/** Texts that were read already. Bounded: texts made at run time must not fill the memory. */
const MOST_TEXTS = 1000;
/** @type {Map<string, number>} */
const texts = new Map();

/**
 * The milliseconds of a TTL; `Infinity` is for ever, 0 or less is "at once".
 *
 * @param {unknown} ttl
 * @returns {number}
 * @throws {import('../index.js').CacheError} CACHE_INVALID_TTL
 */
function toMillis(ttl) {
  if (typeof ttl === 'number') {
    if (Number.isNaN(ttl)) throw makeError('CACHE_INVALID_TTL', `a TTL cannot be NaN; ${EXPECTED}`);
    // Rounded, for 1.1 * 1000 is a little over 1100; and at least 1, for more than nothing is not nothing.
    return ttl <= 0 ? 0 : Math.max(1, Math.round(ttl * 1000));
  }
  if (typeof ttl === 'string') {
    const known = texts.get(ttl);
    return known ?? readText(ttl);
  }
  const hint = typeof ttl === 'function' ? '; a factory or callback is the last argument, after the TTL' : '';
  throw makeError('CACHE_INVALID_TTL', `a TTL cannot be ${describe(ttl)}; ${EXPECTED}${hint}`);
}

/**
 * Whether this was read already, or need not be: it is a TTL.
 *
 * @param {unknown} ttl
 */
const isKnownTtl = (ttl) =>
  typeof ttl === 'string' ? texts.has(ttl) : typeof ttl === 'number' && !Number.isNaN(ttl);

/** @param {string} text */
function readText(text) {
  let millis;
  if (text === 'forever') {
    millis = Infinity;
  } else {
    try {
      millis = binding.parseDuration(text);
    } catch (cause) {
      throw makeError(
        'CACHE_INVALID_TTL',
        `a TTL cannot be ${JSON.stringify(text.slice(0, 100))}; ${EXPECTED}`,
        {
          cause,
        },
      );
    }
  }
  if (texts.size >= MOST_TEXTS) texts.clear();
  texts.set(text, millis);
  return millis;
}

/** @param {import('../index.js').TTL} ttl */
const parseTtlMs = (ttl) => toMillis(ttl);

/** @param {import('../index.js').TTL} ttl */
const parseTtl = (ttl) => toMillis(ttl) / 1000;

/** What the type DurationString says; `toMillis` reads a little more (`'1month'`, `'1 h'`). */
const DURATION = /^\d+(ms|s|m|h|d|w)( \d+(ms|s|m|h|d|w))*$/;

/** Units, the largest first, in milliseconds. */
const UNITS = /** @type {const} */ ([
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]);

/**
 * @param {number} seconds
 * @returns {string}
 */
function formatTtl(seconds) {
  if (typeof seconds !== 'number' || Number.isNaN(seconds)) {
    throw makeError('CACHE_INVALID_TTL', `formatTtl takes seconds as a number, not ${describe(seconds)}`);
  }
  if (seconds === Infinity) return 'forever';
  const millis = Math.round(seconds * 1000);
  if (millis === 0) return '0s';
  const unit = UNITS.find(([, size]) => millis % size === 0);
  return unit === undefined ? `${millis}ms` : `${millis / unit[1]}${unit[0]}`;
}

/**
 * @param {unknown} value
 * @returns {value is import('../index.js').DurationString}
 */
function isDurationString(value) {
  return typeof value === 'string' && DURATION.test(value);
}

module.exports = { toMillis, isKnownTtl, parseTtl, parseTtlMs, formatTtl, isDurationString };
