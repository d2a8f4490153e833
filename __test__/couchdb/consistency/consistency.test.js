'use strict';

// Random clients in several processes against one database, which is swept all the time: on the server that the tests
// have of their own, and where COUCHDB_URL names one on a real one. A file of its own, for it takes long.

const { after, before } = require('node:test');

const { consistency } = require('../../histories/consistency.js');
const { request } = require('../support/client.js');
const { startFake } = require('../support/fake.js');
const { freshDatabase, realServer } = require('../support/real.js');
require('../../support/alive.js');

const SECONDS = 20;
// A factory that names a tag late which was flushed less than a second before it began is run once more: there is no
// clock that all processes share (docs/couchdb.md). That nothing old is stored is in no-resurrection.test.js.
const lateTags = false;
/** A write on a real server takes as long as several on ours. */
const PACE = 4;
const faults = ['blind-fill', 'lost-count', 'shared-lock'];

const real = realServer();
let fake;
/** A database on each server. */
const databases = new Map();

before(async () => {
  fake = await startFake();
});

after(async () => {
  await fake?.stop();
  if (databases.has(real?.url)) await request(real.url, 'DELETE', `/${databases.get(real.url)}`);
});

function options(url) {
  if (!databases.has(url)) databases.set(url, freshDatabase(url));
  // Who waits for a process that was killed waits for its lease.
  const config = { url, database: databases.get(url), leaseTtl: '500ms', sweep: '1s' };
  return { driver: 'couchdb', config };
}

consistency({
  name: 'the CouchDB driver',
  options: () => options(fake.url),
  seconds: SECONDS,
  lateTags,
  faults,
});

if (real !== undefined) {
  consistency({
    name: 'the CouchDB driver, on a real server',
    options: () => options(real.url),
    seconds: SECONDS,
    lateTags,
    pace: PACE,
    faults,
  });
}
