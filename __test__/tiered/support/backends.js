'use strict';

// What tests of coherence need of a lower tier: other programs that write to it, what it was asked, and how its
// answers or its word of changes are held back.

const { Cache } = require('../../../index.js');
const { request } = require('../../couchdb/support/client.js');
const { startFake } = require('../../couchdb/support/fake.js');
const { startServer } = require('../../redis/support/server.js');
const { until } = require('../../support/wait.js');
const { startLanes } = require('./lanes.js');

/**
 * @typedef {object} Backend
 * @property {'redis' | 'couchdb'} driver
 * @property {'tracking' | 'pubsub' | 'changes'} means
 * @property {() => Record<string, unknown>} remote the lower tier's configuration
 * @property {() => Record<string, unknown>} direct the same, past whatever is between
 * @property {(key: string, value: unknown) => Promise<void>} write as another program does
 * @property {(key: string) => Promise<void>} remove as another program does
 * @property {(key: string) => Promise<boolean>} holds whether there is a value now
 * @property {() => Promise<number>} asked requests of operations so far
 * @property {() => Promise<{ arrived: Promise<unknown>, release: () => void }>} holdRead the answer to the
 *   next read is held; `arrived` resolves when the server has made it
 * @property {() => void} holdChanges the server's word of changes, and that it is alive, is held
 * @property {() => void} releaseChanges
 * @property {() => void} loseChanges the connection that changes are told on is reset, and there is no other one
 * @property {() => void} restoreChanges
 * @property {() => void} blinkChanges it is reset, and may be made anew
 * @property {() => void} down every connection is reset, and no other one is had
 * @property {() => Promise<void>} up
 * @property {() => Promise<number>} connections from caches, open now
 * @property {() => Promise<void>} stop
 */

/** What is asked to know whether the server is there, and what it can; not because of an operation. */
const UPKEEP = /^cmdstat_(ping|info|role|hello|auth|select|config|client|command|monitor|script|cluster)/;

/** @returns {Promise<Backend & { server: any, lanes: Awaited<ReturnType<typeof startLanes>> }>} */
async function startRedis({ plain = false } = {}) {
  const server = await startServer();
  const lanes = await startLanes(null, server, { plain });
  // The tests' own commands are none of an operation's.
  let own = 0;
  const cli = async (...args) => {
    own += 1;
    return server.cli(...args);
  };
  return {
    driver: 'redis',
    means: 'tracking',
    server,
    lanes,
    remote: () => ({ driver: 'redis', host: lanes.host, port: lanes.port }),
    direct: () => ({ driver: 'redis', host: server.host, port: server.port }),
    write: async (key, value) => void (await cli('SET', `cache:${key}`, JSON.stringify(value))),
    remove: async (key) => void (await cli('DEL', `cache:${key}`)),
    holds: async (key) => (await cli('EXISTS', `cache:${key}`)) === 1,
    async asked() {
      const stats = await server.info('commandstats');
      const calls = Object.entries(stats).filter(([name]) => !UPKEEP.test(name));
      return calls.reduce((sum, [, text]) => sum + Number(/calls=(\d+)/.exec(text)?.[1]), 0) - own;
    },
    async holdRead() {
      lanes.hold('data');
      const asked = Number((await server.info('commandstats')).cmdstat_get?.match(/calls=(\d+)/)?.[1] ?? 0);
      const arrived = async () => {
        const { cmdstat_get: now = 'calls=0' } = await server.info('commandstats');
        return Number(/calls=(\d+)/.exec(now)?.[1]) > asked;
      };
      return {
        get arrived() {
          return until('the read is answered', arrived, { every: 1 });
        },
        release: () => lanes.release('data'),
      };
    },
    holdChanges: () => lanes.hold('changes'),
    releaseChanges: () => lanes.release('changes'),
    loseChanges() {
      lanes.hold('changes');
      lanes.cut('changes');
    },
    restoreChanges() {
      lanes.release('changes');
      // One that was begun meanwhile was not answered in time.
      lanes.cut('changes');
    },
    blinkChanges: () => lanes.cut('changes'),
    down: () => lanes.refuse(),
    up: async () => lanes.accept(),
    connections: async () => lanes.count('changes') + lanes.count('data'),
    async stop() {
      await lanes.stop();
      await server.stop();
    },
  };
}

/** @returns {Promise<Backend & { fake: Awaited<ReturnType<typeof startFake>>, database: string }>} */
async function startCouch() {
  const fake = await startFake({});
  const database = 'tiers';
  const path = (key) => `/${database}/${encodeURIComponent(`entry:cache:${key}`)}`;
  const stored = async (key) => {
    const { status, body } = await request(fake.url, 'GET', path(key));
    return status === 200 ? body : undefined;
  };
  /** @type {{ release: () => void } | undefined} */
  let lost;
  const isAsked = ({ path: asked, headers }) => headers.connection !== 'close' && !asked.includes('_changes');
  const remote = () => ({ driver: 'couchdb', url: fake.url, database, sweep: false });
  return {
    driver: 'couchdb',
    means: 'changes',
    fake,
    database,
    remote,
    direct: remote,
    async write(key, value) {
      const { _rev } = (await stored(key)) ?? {};
      const body = { ...(_rev && { _rev }), value: JSON.stringify(value), updatedAt: Date.now() };
      const { status, text } = await request(fake.url, 'PUT', path(key), body);
      if (status !== 201) throw new Error(`${status} ${text}`);
    },
    async remove(key) {
      const { _rev } = (await stored(key)) ?? {};
      if (_rev !== undefined) await request(fake.url, 'DELETE', `${path(key)}?rev=${_rev}`);
    },
    holds: async (key) => {
      const document = await stored(key);
      return document !== undefined && !(document.expiresAt <= Date.now());
    },
    asked: async () => fake.requests.filter(isAsked).length,
    async holdRead() {
      const held = fake.faults.hold((one) => isAsked(one) && /_bulk_get|_all_docs|entry/.test(one.path), {
        applied: true,
      });
      return { arrived: held.arrived, release: () => held.release() };
    },
    holdChanges: () => fake.pauseFeeds(),
    releaseChanges: () => fake.resumeFeeds(),
    loseChanges() {
      lost = fake.faults.stall({ path: /_changes$/ });
      fake.dropConnections();
    },
    restoreChanges: () => lost?.release(),
    // Those of the operations are made anew by the next one.
    blinkChanges: () => fake.dropConnections(),
    down() {
      fake.refuse();
      fake.dropConnections();
    },
    up: () => fake.accept(),
    connections: async () => fake.open,
    async stop() {
      fake.faults.clear();
      fake.resumeFeeds();
      await fake.stop();
    },
  };
}

/**
 * Redis without RESP3: the processes tell each other, so that what writes is a cache of another process.
 *
 * @returns {Promise<Backend>}
 */
async function startPlainRedis() {
  const backend = await startRedis({ plain: true });
  const { server } = backend;
  // A way of its own: it is held up by nothing that a test holds.
  const own = await startLanes(null, server, { plain: true });
  const remote = () => ({ driver: 'redis', host: own.host, port: own.port });
  const writer = new Cache({ driver: 'tiered', failOpen: false, config: { remote: remote() } });
  await writer.ready();
  await until('changes are told', async () => (await writer.stats()).memory?.trusted);
  return {
    ...backend,
    means: 'pubsub',
    direct: remote,
    write: (key, value) => writer.put(key, value, '1h'),
    remove: async (key) => void (await writer.forget(key)),
    async stop() {
      await writer.close();
      await own.stop();
      await backend.stop();
    },
  };
}

/** All of them, by name. @type {Record<string, () => Promise<Backend>>} */
const BACKENDS = { Redis: startRedis, 'Redis without RESP3': startPlainRedis, CouchDB: startCouch };

module.exports = { BACKENDS, startCouch, startPlainRedis, startRedis };
