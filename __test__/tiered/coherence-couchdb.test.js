'use strict';

// Coherence over CouchDB, and what CouchDB alone can do.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { gate } = require('../support/deferred.js');
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

  test('and created anew takes nothing of the factories that run', LIMIT, async (t) => {
    // CouchDB would: it takes a revision of a document that it does not have, once a shard has been written to.
    const backend = await startCouch();
    t.after(() => backend.stop());
    const { fake, database } = backend;
    const cache = await openTiered(t, tiered(backend.remote()));
    const factory = gate();
    const key = fresh('made');
    const made = cache.remember(key, factory);
    await factory.started;
    fake.destroyDatabase(database);
    fake.createDatabase(database);
    await backend.write(fresh('first'), 1);
    factory.resolve('made');
    assert.equal(await made, 'made');
    await trusted(cache);
    assert.equal(await cache.get(key), null);
  });
});
