'use strict';

// The CouchDB driver passes the conformance suite: on the server that the tests have of their own, behind a path and
// for a user who is no administrator; and on PouchDB, which nobody here wrote. On a real server: conformance-real.test.js.

const { after, before } = require('node:test');
const { Cache } = require('../../index.js');
const { conformance } = require('../conformance/index.js');
const { request } = require('./support/client.js');
const { startFake } = require('./support/fake.js');
const { startPouch } = require('./support/pouch.js');
const { capabilities } = require('./support/capabilities.js');
const { freshDatabase } = require('./support/real.js');
require('../support/alive.js');

const users = {
  root: { password: 'secret', role: 'admin' },
  member: { password: 'hunter2', role: 'member' },
};

let fake;
let pouch;

before(async () => {
  fake = await startFake({ users, basePath: '/couch' });
  pouch = await startPouch();
});
after(async () => {
  await fake?.stop();
  await pouch?.stop();
});

/** A cache on a database that is not there yet. */
function open(url, options) {
  const database = freshDatabase(url);
  return new Cache({ driver: 'couchdb', ...options, config: { url, database, ...options?.config } });
}

conformance({
  name: 'couchdb',
  open: (options) => open(fake.url, options),
  capabilities,
});

conformance({
  name: 'couchdb, for a member of the database',
  open: async (options) => {
    const database = freshDatabase(fake.url);
    await request(fake.url, 'PUT', `/${database}`);
    const config = { url: fake.urlFor('member'), database, ...options?.config };
    return new Cache({ driver: 'couchdb', ...options, config });
  },
  capabilities,
});

conformance({
  name: 'couchdb, as PouchDB has it',
  open: (options) => open(pouch.url, options),
  capabilities,
});
