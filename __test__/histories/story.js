'use strict';

/** Hand-written histories for the checker's own tests. Times are small numbers. */

const { check } = require('./checker.js');

/**
 * @param {string} op
 * @param {string} key
 * @param {number} start
 * @param {number} end
 * @param {object} [more]
 */
function operation(op, key, start, end, more = {}) {
  return { process: 'p0', op, key, start, end, ok: true, ...more };
}

/** An operation whose outcome nobody saw. */
const unseen = (op, key, start, more = {}) => operation(op, key, start, Infinity, { ok: false, ...more });

const get = (key, start, end, value) => operation('get', key, start, end, { value });
const put = (key, start, end, value, tags = []) => operation('put', key, start, end, { value, tags });
const forget = (key, start, end) => operation('forget', key, start, end);
const flush = (start, end) => operation('flush', '', start, end);
const flushTags = (start, end, tags) => operation('flushTags', '', start, end, { tags });

/** A `remember` that was given what others stored or computed. */
const ask = (key, start, end, value) => operation('remember', key, start, end, { value });

/** A `remember` whose factory ran from `run[0]` to `run[1]`. */
function compute(key, start, end, value, run, more = {}) {
  const { tags = [], returned = true, ...rest } = /** @type {any} */ (more);
  const runs = [{ id: value, start: run[0], end: run[1], tags, returned }];
  return operation('remember', key, start, end, { value, runs, ...rest });
}

const count = (key, start, end, step, value) => operation('count', key, start, end, { step, value });
const read = (key, start, end, value) => operation('read', key, start, end, { value });

const MILLISECOND = 1e6;

/** A lock that was held; times in milliseconds, as the tolerance is. */
function hold(start, held, end, token, outcome = 'released', ttl = 400) {
  return operation('lock', 'l', start * MILLISECOND, end * MILLISECOND, {
    ttl: ttl * MILLISECOND,
    hold: { start: held[0] * MILLISECOND, end: held[1] * MILLISECOND, token, outcome },
  });
}

/** The kinds of violation that are found, in order. */
function kinds(operations, more = {}) {
  return check({ operations, ...more }).map(({ kind }) => kind);
}

module.exports = {
  ...{ ask, compute, count, flush, flushTags, forget, get, hold, kinds, put, read, unseen },
};
