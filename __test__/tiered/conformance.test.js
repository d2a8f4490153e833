'use strict';

// The tiered driver passes the conformance suite over Redis, with RESP3 and without, and over CouchDB.

const { before, after } = require('node:test');
const { Cache } = require('../../index.js');
const { conformance } = require('../conformance/index.js');
const { startFake } = require('../couchdb/support/fake.js');
const { freshDatabase } = require('../couchdb/support/real.js');
const { startProxy } = require('../redis/support/proxy.js');
const { startServer } = require('../redis/support/server.js');
require('../support/alive.js');

const capabilities = {
  manualClock: false,
  evicts: false,
  expires: false,
  counts: false,
  driver: 'tiered',
};

let redis;
let proxy;
let couchdb;

before(async () => {
  redis = await startServer();
  proxy = await startProxy(null, redis);
  proxy.refuseHello3('unknown');
  couchdb = await startFake({});
});
after(async () => {
  await proxy?.stop();
  await redis?.stop();
  await couchdb?.stop();
});

/** A cache in two tiers, which is told of changes. */
async function open(remote, { config, ...options } = {}) {
  const cache = new Cache({ driver: 'tiered', ...options, config: { ...config, remote } });
  await cache.ready();
  while (!(await cache.stats()).memory.trusted) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return cache;
}

conformance({
  name: 'tiered over redis',
  open: async (options) => {
    await redis.cli('FLUSHALL');
    return open({ driver: 'redis', url: redis.url }, options);
  },
  capabilities: { ...capabilities, emptyPrefix: false, tier: 'redis' },
});

conformance({
  name: 'tiered over redis without RESP3',
  open: async (options) => {
    await redis.cli('FLUSHALL');
    return open({ driver: 'redis', url: proxy.url }, options);
  },
  capabilities: { ...capabilities, emptyPrefix: false, tier: 'redis' },
});

conformance({
  name: 'tiered over couchdb',
  open: (options) =>
    open({ driver: 'couchdb', url: couchdb.url, database: freshDatabase(couchdb.url) }, options),
  capabilities: { ...capabilities, emptyPrefix: true, tier: 'couchdb' },
});
