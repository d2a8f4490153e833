'use strict';

// Random clients in several processes against one database, which is swept all the time, on the server that the tests
// have of their own. A file of its own, for it takes long.

const { after, before } = require('node:test');

const { consistency } = require('../../histories/consistency.js');
const { startFake } = require('../support/fake.js');
const { freshDatabase } = require('../support/real.js');
const { terms } = require('./terms.js');
require('../../support/alive.js');

let fake;
let database;

before(async () => {
  fake = await startFake();
  database = freshDatabase(fake.url);
});

after(() => fake?.stop());

consistency({
  name: 'the CouchDB driver',
  options: () => terms.options(fake.url, database),
  seconds: 20,
  ...terms.judged,
});
