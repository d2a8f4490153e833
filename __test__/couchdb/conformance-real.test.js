'use strict';

// The CouchDB driver passes the conformance suite on the server that COUCHDB_URL names. A file of its own, for a real
// server takes its time.

const { after } = require('node:test');
const { Cache } = require('../../index.js');
const { conformance } = require('../conformance/index.js');
const { capabilities } = require('./support/capabilities.js');
const { request } = require('./support/client.js');
const { freshDatabase, realServer } = require('./support/real.js');

const real = realServer();
if (real !== undefined) {
  // Without a test it would keep the process alive for nothing.
  require('../support/alive.js');
  /** Databases on a server that goes on after the tests. @type {string[]} */
  const made = [];
  after(async () => {
    for (const name of made) await request(real.url, 'DELETE', `/${name}`);
  });
  conformance({
    name: 'couchdb, a real server',
    open: (options) => {
      const database = freshDatabase(real.url);
      made.push(database);
      const config = { url: real.url, database, ...options?.config };
      return new Cache({ driver: 'couchdb', ...options, config });
    },
    capabilities,
  });
}
