'use strict';

// A primary, its replica and three sentinels that agree by majority.

const { startServer } = require('./server.js');
const { until } = require('../../support/wait.js');

const NAME = 'mymaster';
const SENTINELS = 3;
const QUORUM = 2;

// The periods that sentinels have no option for, in milliseconds, as short as their own arithmetic allows.
const PERIODS = {
  'info-period': 400,
  // While the primary is down, a replica is promoted only if what it said of itself is not older than five
  // of these, and it is asked once a second.
  'ping-period': 400,
  'ask-period': 100,
  // After four of these a sentinel demotes a primary that it takes for a replica. For a second or so only
  // the sentinel that leads a failover knows the new primary: the others would undo it.
  'publish-period': 750,
  // Keep a busy machine from making a sentinel believe that its clock has jumped, after which it does
  // nothing for half a minute.
  'tilt-trigger': 30_000,
  'tilt-period': 1000,
};

class Sentinels {
  name = NAME;
  /** @type {import('./server.js').Server[]} */
  servers;
  /** @type {import('./server.js').Server[]} */
  sentinels;

  constructor(servers, sentinels) {
    this.servers = servers;
    this.sentinels = sentinels;
  }

  /** The sentinels' addresses, as an option of the cache has them. */
  get nodes() {
    return this.sentinels.map(({ host, port }) => ({ host, port }));
  }

  /** The server that a majority of the sentinels calls the primary. */
  async primary() {
    const votes = await Promise.all(this.#live().map((sentinel) => this.#primaryOf(sentinel)));
    const port = votes.find((vote) => votes.filter((other) => other === vote).length >= QUORUM);
    const server = this.servers.find((each) => each.port === port);
    if (server === undefined) throw new Error(`the sentinels do not agree: ${votes.join(', ')}`);
    return server;
  }

  async replica() {
    const primary = await this.primary();
    return /** @type {import('./server.js').Server} */ (this.servers.find((each) => each !== primary));
  }

  /** Kills the primary and resolves to it; `settled` waits for its successor. */
  async killPrimary() {
    const primary = await this.primary();
    await primary.kill();
    return primary;
  }

  /** Makes the replica the primary, with both running. Resolves when all know of it. */
  async failover() {
    const from = await this.settled();
    const [sentinel] = this.#live();
    await until('a sentinel can fail over', async () => {
      const reply = await sentinel.cli('SENTINEL', 'FAILOVER', NAME);
      return reply === 'OK';
    });
    await until('there is another primary', async () => (await this.primary()) !== from);
    await this.demote(from);
    const to = await this.settled();
    return { from, to };
  }

  /**
   * Makes a former primary follow the present one and drops its clients. The sentinels do the same, in the
   * same way, but only after some seconds.
   *
   * @param {import('./server.js').Server} server
   */
  async demote(server) {
    const { host, port } = await this.primary();
    const client = await server.connect();
    try {
      await client.pipeline([
        ['MULTI'],
        ['REPLICAOF', host, port],
        ['CONFIG', 'REWRITE'],
        ['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'],
        ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
        ['EXEC'],
      ]);
    } finally {
      client.close();
    }
  }

  /**
   * Resolves to the primary when all sentinels name the same one, it runs as one, and what else runs is
   * its replica, also in the eyes of the sentinels.
   */
  settled({ limit = 20_000 } = {}) {
    return until('the sentinels agree on a running primary', () => this.#agreed(), { limit });
  }

  async stop() {
    await Promise.all([...this.sentinels, ...this.servers].map((server) => server.stop()));
  }

  async #agreed() {
    const ports = await Promise.all(this.#live().map((sentinel) => this.#primaryOf(sentinel)));
    const primary = this.servers.find(({ port }) => port === ports[0]);
    if (!primary?.running || ports.some((port) => port !== primary.port)) return null;
    const { role } = await primary.info('replication');
    if (role !== 'master') return null;
    for (const server of this.servers) {
      if (server === primary || !server.running || server.paused) continue;
      const state = await server.info('replication');
      if (state.role !== 'slave' || Number(state.master_port) !== primary.port) return null;
      if (state.master_link_status !== 'up') return null;
      const views = await Promise.all(this.#live().map((sentinel) => replicaSeenBy(sentinel, server)));
      if (views.includes(false)) return null;
    }
    return primary;
  }

  #live() {
    return this.sentinels.filter(({ running, paused }) => running && !paused);
  }

  async #primaryOf(sentinel) {
    const [, port] = await sentinel.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
    return Number(port);
  }
}

/**
 * Starts them; they are stopped when the test `t` ends, without `t` by whoever started them.
 *
 * @param {{ after: (hook: () => unknown) => void } | null} [t]
 * @param {{ requirepass?: string, sentinelPassword?: string, downAfter?: number, failoverTimeout?: number }} [options]
 *   `requirepass` is the password of the servers; times are in milliseconds
 */
async function startSentinel(t, options = {}) {
  const { requirepass, sentinelPassword, downAfter = 600, failoverTimeout = 3000 } = options;
  const data = requirepass === undefined ? {} : { requirepass };
  /** @type {import('./server.js').Server[]} */
  const started = [];
  const start = async (of) => {
    const server = await startServer(null, of);
    started.push(server);
    return server;
  };
  t?.after(() => Promise.all(started.map((server) => server.stop())));
  try {
    const primary = await start(data);
    const replica = await start({ ...data, config: [['replicaof', primary.host, primary.port]] });
    await until('the replica is up', async () => {
      const { master_link_status: link } = await replica.info('replication');
      return link === 'up';
    });
    const config = [
      ['sentinel', 'monitor', NAME, primary.host, primary.port, QUORUM],
      ['sentinel', 'down-after-milliseconds', NAME, downAfter],
      ['sentinel', 'failover-timeout', NAME, failoverTimeout],
    ];
    if (requirepass !== undefined) config.push(['sentinel', 'auth-pass', NAME, requirepass]);
    if (sentinelPassword !== undefined) config.push(['sentinel', 'sentinel-pass', sentinelPassword]);
    const own = sentinelPassword === undefined ? {} : { requirepass: sentinelPassword };
    const sentinels = await Promise.all(
      Array.from({ length: SENTINELS }, () => start({ ...own, sentinel: true, config })),
    );
    await Promise.all(sentinels.map((sentinel) => hasten(sentinel)));
    await Promise.all(sentinels.map((sentinel) => knowsAll(sentinel, replica)));
    return new Sentinels([primary, replica], sentinels);
  } catch (error) {
    await Promise.all(started.map((server) => server.stop()));
    throw error;
  }
}

/** Sentinels before Redis 7 cannot be told, and take some seconds longer for everything. */
async function hasten(sentinel) {
  try {
    await sentinel.cli('SENTINEL', 'DEBUG', ...Object.entries(PERIODS).flat());
  } catch (error) {
    if (error.name !== 'RespError') throw error;
  }
}

function knowsAll(sentinel, replica) {
  return until('a sentinel knows the others and the replica', async () => {
    const primary = fieldsOf(await sentinel.cli('SENTINEL', 'MASTER', NAME));
    const all =
      primary.get('num-other-sentinels') === `${SENTINELS - 1}` && primary.get('flags') === 'master';
    return all && replicaSeenBy(sentinel, replica);
  });
}

/** Whether a sentinel takes a server for a replica that it could promote. */
async function replicaSeenBy(sentinel, server) {
  const replicas = (await sentinel.cli('SENTINEL', 'REPLICAS', NAME)).map(fieldsOf);
  const own = replicas.find((fields) => fields.get('port') === `${server.port}`);
  return (
    own?.get('flags') === 'slave' &&
    own.get('role-reported') === 'slave' &&
    own.get('master-link-status') === 'ok'
  );
}

/** A list of names and values. */
function fieldsOf(list) {
  const fields = new Map();
  for (let at = 0; at < list.length; at += 2) fields.set(list[at], list[at + 1]);
  return fields;
}

module.exports = { startSentinel };
