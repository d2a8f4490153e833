'use strict';

// The memory driver's promises among worker threads that share a store; and that the checker finds every fault
// that can be planted.

const { consistency } = require('./consistency.js');
const { FAULTS } = require('./faults.js');
require('../support/alive.js');

consistency({
  name: 'the memory driver',
  options: { driver: 'memory', name: `histories-${process.pid}` },
  threads: true,
  seconds: 8,
  faults: Object.keys(FAULTS),
});
