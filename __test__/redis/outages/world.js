'use strict';

// An app under way, and a Redis server that something happens to.

const { startProxy } = require('../support/proxy.js');
const { startServer } = require('../support/server.js');
const { SECRET } = require('../../support/outages/watch.js');
const { SLACK, TIMEOUT, World } = require('../../support/outages/world.js');
const { until } = require('../../support/wait.js');

class RedisWorld extends World {
  /** @type {any} */
  server;
  /** @type {Awaited<ReturnType<typeof startProxy>>} */
  proxy;

  constructor(t, server, proxy, { config, secured }) {
    const { host, port } = proxy;
    const credentials = secured ? `:${encodeURIComponent(SECRET)}@` : '';
    const url = `redis://${credentials}${host}:${port}`;
    const password = secured ? { password: SECRET } : {};
    const strict = { host, port, ...password, ...config };
    super(t, { driver: 'redis', url, open: { url, ...config }, strict });
    this.server = server;
    this.proxy = proxy;
  }

  /** Stops the server where it stands. A signal takes a moment: resolves when nothing is answered any more. */
  async stall() {
    const { server } = this;
    server.pause();
    const silent = () =>
      server.info('server', { limit: 30 }).then(
        () => false,
        () => true,
      );
    await until('the server has stopped', silent, { every: 1 });
  }
}

/**
 * @param {any} t
 * @param {{ server?: any, config?: Record<string, unknown>, traffic?: boolean, secured?: boolean, resp3?: boolean }} [options]
 *   `secured` is whether there is a password
 */
async function startWorld(
  t,
  { server: given = {}, config = {}, traffic = true, secured = true, resp3 = true } = {},
) {
  const server = await startServer(t, { ...(secured && { requirepass: SECRET }), ...given });
  const proxy = await startProxy(t, server);
  if (!resp3) proxy.refuseHello3();
  const world = new RedisWorld(t, server, proxy, { config, secured });
  t.after(async () => {
    // What a failed scenario left: a stopped process cannot be asked.
    if (server.paused) server.resume();
    proxy.heal();
    await world.release();
  });
  if (traffic) await world.startTraffic();
  return world;
}

module.exports = { TIMEOUT, SLACK, startWorld };
