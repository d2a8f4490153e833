'use strict';

// The Redis driver passes the conformance suite: as it is, without RESP3, and on a cluster.

const { before, after } = require('node:test');
const { Cache } = require('../../index.js');
const { conformance } = require('../conformance/index.js');
const { startCluster } = require('./support/cluster.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

const capabilities = {
  manualClock: false,
  evicts: false,
  expires: false,
  counts: false,
  emptyPrefix: false,
  tier: 'redis',
  driver: 'redis',
};

let server;
let proxy;
let cluster;

before(async () => {
  server = await startServer();
  proxy = await startProxy(null, server);
  proxy.refuseHello3('unknown');
  cluster = await startCluster();
});
after(async () => {
  await cluster?.stop();
  await proxy?.stop();
  await server?.stop();
});

/** A cache over servers that were emptied. */
async function open(servers, config, options) {
  for (const one of servers) await one.cli('FLUSHALL');
  return new Cache({ driver: 'redis', ...options, config: { ...config, ...options?.config } });
}

conformance({
  name: 'redis',
  open: (options) => open([server], { url: server.url }, options),
  capabilities,
});

conformance({
  name: 'redis without RESP3',
  open: (options) => open([server], { url: proxy.url }, options),
  capabilities,
});

conformance({
  name: 'redis cluster',
  open: async (options) => open(await cluster.primaries(), { cluster: { nodes: cluster.nodes } }, options),
  capabilities,
});
