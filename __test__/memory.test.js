'use strict';

// The memory driver passes the conformance suite, whichever way its store is opened.

const { Cache } = require('../index.js');
const { conformance } = require('./conformance/index.js');
const { storeName } = require('./support/threads.js');
require('./support/alive.js');

conformance({
  name: 'memory, private store',
  open: (options) => new Cache(options),
});

conformance({
  name: 'memory, named store',
  open: (options) => new Cache({ name: storeName('conformance'), ...options }),
});

conformance({
  name: 'memory, tinylfu',
  open: ({ config, ...options }) => new Cache({ ...options, config: { policy: 'tinylfu', ...config } }),
});

conformance({
  name: 'memory, frozen values',
  open: ({ config, ...options }) => new Cache({ ...options, config: { isolation: 'frozen', ...config } }),
  capabilities: { frozen: true },
});

conformance({
  name: 'memory, without the hot tier',
  open: ({ config, ...options }) => new Cache({ ...options, config: { hot: false, ...config } }),
});

conformance({
  name: 'memory, system clock',
  open: (options) => new Cache({ driver: 'memory', ...options }),
  capabilities: { manualClock: false },
});

conformance({
  name: 'memory, reached by batches',
  open: (options) => new Cache({ [Symbol.for('ferrocache.batched')]: true, ...options }),
});
