'use strict';

/**
 * Judges what clients of one cache did and saw. Pure: a history in, the violations out.
 *
 * Every rule is sound: a cache that keeps its promises (docs/semantics.md) never breaks one, however operations
 * overlap. All times are of one clock, in nanoseconds; `a < b` holds between operations only where the one had
 * ended when the other started. An operation whose outcome nobody saw (it failed, or its process was killed) may
 * have taken effect or not, and later than that: its end is put off (`SETTLES` in history.js) or is `Infinity`. It
 * excuses others and accuses nobody.
 *
 * @typedef {object} Run a factory that ran
 * @property {string} id of the value that it computes
 * @property {number} start the factory's first moment: its lease had been given before
 * @property {number} end its last moment, or when its process was killed
 * @property {readonly string[]} tags those it was asked with, and those it set itself
 * @property {boolean} returned whether it returned a value
 *
 * @typedef {object} Hold a lock that was held
 * @property {number} start a moment after it was taken
 * @property {number} end a moment before it was released, or when its process was killed
 * @property {number} token the fencing number
 * @property {'released' | 'lost' | 'unknown'} outcome whether it was still the holder's when it was released,
 *   as the cache said; `unknown` if it never was, or the release failed
 *
 * @typedef {object} Operation
 * @property {string} process
 * @property {'get' | 'put' | 'forget' | 'remember' | 'flush' | 'flushTags' | 'count' | 'read' | 'lock'} op `count`
 *   steps a counter, `read` reads one
 * @property {string} key `''` for a flush
 * @property {number} start before it was called
 * @property {number} end after it was answered; if it was not, or with an error: when it can have no effect any more
 * @property {boolean} ok whether it was answered without an error
 * @property {unknown} [value] what it gave: a value's id or `null`; a counter's number. For a put: what it wrote
 * @property {readonly string[]} [tags]
 * @property {number} [step] of a counter
 * @property {number} [ttl] of a lock, in nanoseconds
 * @property {readonly Run[]} [runs] of the factory that this `remember` brought
 * @property {Hold} [hold]
 *
 * @typedef {object} History
 * @property {readonly Operation[]} operations
 * @property {Readonly<Record<string, number>>} [counters] what each counter was when all had ended
 * @property {number} [leaseTtl] how long a lease lives without its holder, in nanoseconds
 *
 * @typedef {object} Violation
 * @property {'resurrected' | 'returned' | 'vanished' | 'invented' | 'two-runs' | 'lost-count' | 'count-order'
 *   | 'two-holders' | 'fence' | 'lost-early'} kind
 * @property {string} key
 * @property {string} message
 * @property {readonly object[]} involved the operations that show it
 */

const { checkCounters } = require('./check-counters.js');
const { checkFlights } = require('./check-flights.js');
const { checkLocks } = require('./check-locks.js');
const { checkPresence } = require('./check-presence.js');
const { checkValues } = require('./check-values.js');
const { Invalidations } = require('./invalidations.js');

/**
 * @param {History} history
 * @returns {Violation[]}
 */
function check(history) {
  const invalidations = new Invalidations(history.operations);
  return [
    ...checkValues(history, invalidations),
    ...checkPresence(history, invalidations),
    ...checkFlights(history, invalidations),
    ...checkCounters(history),
    ...checkLocks(history),
  ];
}

module.exports = { check };
