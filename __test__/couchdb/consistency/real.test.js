'use strict';

// As consistency.test.js, on the server that COUCHDB_URL names. A file of its own, for it takes long.

const { after } = require('node:test');

const { consistency } = require('../../histories/consistency.js');
const { request } = require('../support/client.js');
const { freshDatabase, realServer } = require('../support/real.js');
const { terms } = require('./terms.js');

const real = realServer();
if (real !== undefined) {
  // Without a test it would keep the process alive for nothing.
  require('../../support/alive.js');
  const database = freshDatabase(real.url);
  after(() => request(real.url, 'DELETE', `/${database}`));
  consistency({
    name: 'the CouchDB driver, on a real server',
    // It shares the machine with the clients; what is given up in time is not what is looked at here.
    options: () => terms.options(real.url, database, { commandTimeout: '10s' }),
    seconds: 15,
    // A real server takes its time, and with it nobody is done with anything while a short factory runs.
    rate: 1 / 3,
    pace: 6,
    ...terms.judged,
  });
}
