'use strict';

// A minute of random clients in several processes against one server. A file of its own: `npm test` gives a file
// two minutes.

const { after, before } = require('node:test');
const { consistency } = require('../../histories/consistency.js');
const { startServer } = require('../support/server.js');
require('../../support/alive.js');

let server;

before(async () => {
  server = await startServer();
});

after(() => server?.stop());

consistency({
  name: 'the Redis driver',
  options: () => ({
    driver: 'redis',
    // Who waits for a process that was killed waits for its lease.
    config: { host: server.host, port: server.port, leaseTtl: '500ms' },
  }),
  faults: ['blind-fill', 'lost-count', 'shared-lock'],
});
