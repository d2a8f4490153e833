'use strict';

// Makes a cluster out of servers that do not know each other.

const { until } = require('../../support/wait.js');

const SLOTS = 16_384;

/** @typedef {import('./server.js').Server} Server */
/**
 * @typedef {object} ClusterNode a line of CLUSTER NODES
 * @property {string} id
 * @property {number} port
 * @property {boolean} myself
 * @property {boolean} primary
 * @property {boolean} failed
 * @property {boolean} known false while the handshake lasts
 * @property {string | null} primaryId
 * @property {number} epoch of its claim to its slots, or of its primary's
 * @property {[number, number][]} slots
 */

/**
 * What a server knows of the cluster.
 *
 * @param {Server} server
 * @returns {Promise<ClusterNode[]>}
 */
async function nodesOf(server) {
  const lines = (await server.cli('CLUSTER', 'NODES')).trim().split('\n');
  return lines.map((line) => {
    const [id, address, flagList, primaryId, , , epoch, , ...slots] = line.split(' ');
    const flags = flagList.split(',');
    return {
      id,
      port: Number(/:(\d+)@/.exec(address)?.[1]),
      myself: flags.includes('myself'),
      primary: flags.includes('master'),
      // `fail?` is one node's suspicion only.
      failed: flags.includes('fail'),
      known: !flags.includes('handshake'),
      primaryId: primaryId === '-' ? null : primaryId,
      epoch: Number(epoch),
      // A slot that is on its way stands in brackets, besides.
      slots: slots.filter((slot) => !slot.startsWith('[')).map(range),
    };
  });
}

/** @returns {[number, number]} */
function range(words) {
  const [first, last = first] = words.split('-').map(Number);
  return [first, last];
}

/** Gives each server its share of the slots, and an epoch of its own, so that none has to be disputed. */
async function claim(primaries) {
  const share = Math.ceil(SLOTS / primaries.length);
  await Promise.all(
    primaries.map(async (server, index) => {
      const first = index * share;
      const count = Math.min(share, SLOTS - first);
      await server.cli('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      await server.cli('CLUSTER', 'ADDSLOTS', ...Array.from({ length: count }, (_, at) => first + at));
    }),
  );
}

/** Introduces everyone to everyone: gossip alone takes longer. */
async function join(servers) {
  await Promise.all(
    servers.map(async (server, index) => {
      for (const other of servers.slice(index + 1)) {
        await server.cli('CLUSTER', 'MEET', other.host, other.port);
      }
    }),
  );
  await Promise.all(
    servers.map((server) =>
      until('a node knows all others', async () => {
        const nodes = await nodesOf(server);
        return nodes.length === servers.length && nodes.every(({ known }) => known);
      }),
    ),
  );
}

/** Each replica follows one of the primaries in turn. */
async function followers(primaries, replicas) {
  const ids = await Promise.all(primaries.map((server) => server.cli('CLUSTER', 'MYID')));
  await Promise.all(
    replicas.map((server, index) => server.cli('CLUSTER', 'REPLICATE', ids[index % ids.length])),
  );
}

module.exports = { claim, followers, join, nodesOf };
