'use strict';

// Coherence over CouchDB, and what CouchDB alone can do.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { until } = require('../support/wait.js');
const { startCouch } = require('./support/backends.js');
const { coherence } = require('./support/coherence.js');
const { LIMIT, fresh, comes, distrusted, kept, openTiered, tiered, trusted } = require('./support/open.js');
require('../support/alive.js');

coherence('over CouchDB', startCouch);

describe('a database that is deleted', () => {
  test('and created anew takes all that was kept with it', LIMIT, async (t) => {
    const backend = await startCouch();
    t.after(() => backend.stop());
    const { fake, database } = backend;
    const cache = await openTiered(t, tiered(backend.remote()));
    for (let round = 0; round < 3; round += 1) {
      const key = fresh('lost');
      await until('it is stored', async () => {
        await cache.put(key, 'old');
        return true;
      });
      await kept(cache, key);
      fake.destroyDatabase(database);
      await distrusted(cache);
      fake.createDatabase(database);
      await trusted(cache);
      assert.equal(await cache.get(key), null);
      await backend.write(key, 'new');
      await comes(cache, key, (got) => got === 'new');
    }
  });
});
