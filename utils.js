'use strict';

/**
 * The entry `ferrocache/utils` (`@veloxts/cache/utils`): durations alone.
 */

const { formatTtl, isDurationString, parseTtl, parseTtlMs } = require('./lib/ttl.js');

// One by one, so that the names can be imported from an ES module.
module.exports.formatTtl = formatTtl;
module.exports.isDurationString = isDurationString;
module.exports.parseTtl = parseTtl;
module.exports.parseTtlMs = parseTtlMs;
