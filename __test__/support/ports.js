'use strict';

const { randomInt } = require('node:crypto');
const net = require('node:net');

const host = '127.0.0.1';

// Below the range from which systems pick the ports of outgoing connections. A port out of that range can
// be taken by any connection while its server restarts, and a client that tries it again and again ends up
// connected to itself.
const FIRST_PORT = 11_000;
const PORTS = 10_000;
// Where Redis Cluster has a node's bus, as seen from the node's port.
const BUS_OFFSET = 10_000;

/** A port of the loopback address that nobody listens on; with `bus` the port of its bus is free too. */
async function freePort({ bus = false } = {}) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = FIRST_PORT + randomInt(PORTS);
    if ((await isFree(port)) && (!bus || (await isFree(port + BUS_OFFSET)))) return port;
  }
  throw new Error('found no free port');
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}

module.exports = { freePort, host };
