'use strict';

// The same four processes over one CouchDB, whose database is deleted and created anew under them.

const { TOLD, UNTOLD, proves } = require('./support/prove.js');
const { couchWorld } = require('./support/worlds.js');
require('../support/alive.js');

proves('a fleet over CouchDB that nothing happens to', 0.15, { start: couchWorld }, TOLD);
proves(
  'connections are reset, feeds stand still, the database is deleted and created anew',
  0.45,
  { start: couchWorld, faults: true },
  UNTOLD,
);
