'use strict';

// A Redis Cluster of primaries with a replica each.

const { claim, join, nodesOf, followers } = require('./cluster-setup.js');
const { startServer } = require('./server.js');
const { until } = require('../../support/wait.js');

/** @typedef {import('./server.js').Server} Server */
/** @typedef {{ id: string, primary: boolean, primaryId: string | null, slots: [number, number][] }} View */

const KEYS_AT_ONCE = 100;

class Cluster {
  /** @type {Server[]} all that were ever started */
  servers;
  #password;

  constructor(servers, password) {
    this.servers = servers;
    this.#password = password;
  }

  /** All addresses, as an option of the cache has them. */
  get nodes() {
    return this.servers.map(({ host, port }) => ({ host, port }));
  }

  /** The servers that hold slots, as each sees itself. */
  async primaries() {
    const views = await this.#views();
    return views.filter(({ own }) => own.primary && own.slots.length > 0).map(({ server }) => server);
  }

  /** @param {Server} [primary] only its own */
  async replicas(primary) {
    const views = await this.#views();
    const id = views.find(({ server }) => server === primary)?.own.id;
    return views
      .filter(({ own }) => !own.primary && (primary === undefined || own.primaryId === id))
      .map(({ server }) => server);
  }

  /** The slot of a key. */
  slotOf(key) {
    return this.#any().cli('CLUSTER', 'KEYSLOT', key);
  }

  /** The primary that holds a slot. */
  async owner(slot) {
    const views = await this.#views();
    const holds = ({ slots }) => slots.some(([first, last]) => first <= slot && slot <= last);
    const found = views.find(({ own }) => own.primary && holds(own));
    if (found === undefined) throw new Error(`nobody holds slot ${slot}`);
    return found.server;
  }

  /**
   * Moves a slot as redis-cli does: it is marked on both sides, its keys move, then everyone is told.
   *
   * @param {number} slot
   * @param {Server} to a primary
   * @param {{ during?: (move: { from: Server, to: Server, moveKeys: (count?: number) => Promise<number> }) => unknown }} [options]
   *   `during` runs when both sides are marked and no key has moved yet; `moveKeys` moves so many, or all,
   *   and resolves to how many there were. What it leaves moves after it.
   */
  async migrateSlot(slot, to, { during } = {}) {
    const from = await this.owner(slot);
    const [fromId, toId] = await Promise.all([from, to].map((server) => server.cli('CLUSTER', 'MYID')));
    await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    const moveKeys = (count = Infinity) => this.#moveKeys(slot, from, to, count);
    await during?.({ from, to, moveKeys });
    await moveKeys();
    const others = (await this.primaries()).filter((server) => server !== to && server !== from);
    for (const server of [to, from, ...others]) {
      await server.cli('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    }
    await this.settled();
  }

  /** A replica of `primary` takes its place, with both running. Resolves when all know of it. */
  async failover(primary) {
    const from = primary ?? (await this.primaries())[0];
    const [to] = await this.replicas(from);
    await to.cli('CLUSTER', 'FAILOVER');
    await until('the replica is the primary', async () => (await this.primaries()).includes(to));
    await this.settled();
    return { from, to };
  }

  /** Kills a primary and resolves to it; `settled` waits for its successor. */
  async killPrimary(primary) {
    const dead = primary ?? (await this.primaries())[0];
    await dead.kill();
    return dead;
  }

  /**
   * Resolves when every server that runs says that all is well, and all say the same of who holds what, and since when: who
   * takes a slot and has not heard of the last epoch claims it with one that is too old, and in the end nobody holds it.
   */
  settled({ limit = 30_000 } = {}) {
    return until('the cluster agrees', () => this.#agrees(), { limit, every: 50 });
  }

  async stop() {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async #agrees() {
    const live = this.#live();
    const ports = new Set(live.map(({ port }) => port));
    const maps = await Promise.all(
      live.map(async (server) => {
        const info = await server.cli('CLUSTER', 'INFO');
        if (!info.includes('cluster_state:ok')) return null;
        const { role, master_link_status: link } = await server.info('replication');
        if (role === 'slave' && link !== 'up') return null;
        const nodes = (await nodesOf(server)).filter(({ failed }) => !failed);
        if (nodes.some(({ port, slots }) => slots.length > 0 && !ports.has(port))) return null;
        const epochs = nodes.filter(({ primary }) => primary).map(({ epoch }) => epoch);
        if (new Set(epochs).size < epochs.length) return null;
        return nodes
          .map(({ id, primary, primaryId, epoch, slots }) =>
            [id, primary ? epoch : primaryId, ...slots].join(' '),
          )
          .sort()
          .join('\n');
      }),
    );
    return maps.every((map) => map !== null && map === maps[0]);
  }

  async #moveKeys(slot, from, to, count) {
    let moved = 0;
    while (moved < count) {
      const client = await from.connect();
      try {
        const wanted = Math.min(KEYS_AT_ONCE, count - moved);
        const keys = await client.buffers('CLUSTER', 'GETKEYSINSLOT', slot, wanted);
        if (keys.length === 0) break;
        const auth = this.#password === undefined ? [] : ['AUTH', this.#password];
        await client.command('MIGRATE', to.host, to.port, '', 0, 5000, 'REPLACE', ...auth, 'KEYS', ...keys);
        moved += keys.length;
      } finally {
        client.close();
      }
    }
    return moved;
  }

  async #views() {
    return Promise.all(
      this.#live().map(async (server) => {
        const nodes = await nodesOf(server);
        const own = nodes.find(({ myself }) => myself);
        if (own === undefined) throw new Error('a node does not know itself');
        return { server, own };
      }),
    );
  }

  #live() {
    return this.servers.filter(({ running, paused }) => running && !paused);
  }

  #any() {
    const [server] = this.#live();
    return server;
  }
}

/**
 * Starts it; it is stopped when the test `t` ends, without `t` by whoever started it.
 *
 * @param {{ after: (hook: () => unknown) => void } | null} [t]
 * @param {{ primaries?: number, replicas?: number, nodeTimeout?: number, requirepass?: string, args?: string[] }} [options]
 *   `replicas` is how many each primary has, `nodeTimeout` (milliseconds) how long a node may be silent
 */
async function startCluster(t, options = {}) {
  const { primaries = 3, replicas = 1, nodeTimeout = 1500, requirepass, args = [] } = options;
  const config = [
    ['cluster-node-timeout', nodeTimeout],
    // However long a replica was cut off, it takes over, and it stays with its own primary.
    ['cluster-replica-validity-factor', 0],
    ['cluster-migration-barrier', 99],
  ];
  const access = requirepass === undefined ? {} : { requirepass };
  /** @type {Server[]} */
  const servers = [];
  t?.after(() => Promise.all(servers.map((server) => server.stop())));
  try {
    await Promise.all(
      Array.from({ length: primaries * (1 + replicas) }, async () => {
        servers.push(await startServer(null, { ...access, args, config, cluster: true }));
      }),
    );
    const own = servers.slice(0, primaries);
    await claim(own);
    await join(servers);
    await followers(own, servers.slice(primaries));
    const cluster = new Cluster(servers, requirepass);
    await cluster.settled();
    return cluster;
  } catch (error) {
    await Promise.all(servers.map((server) => server.stop()));
    throw error;
  }
}

module.exports = { startCluster };
