'use strict';

/** How long operations take, for events: measured where somebody listens when one begins. To look at the clock is not free. */

/**
 * When something begins.
 *
 * @param {boolean} listened whether somebody will be told
 */
const begun = (listened) => (listened ? performance.now() : 0);

/**
 * Milliseconds since it began; 0 where nobody listened then.
 *
 * @param {number} started
 */
const elapsed = (started) => (started === 0 ? 0 : performance.now() - started);

exports.begun = begun;
exports.elapsed = elapsed;
