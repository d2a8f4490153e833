'use strict';

// What is below a fleet: a server with a way of its own for every process, what may happen to them, and another
// program that writes there.

const { setTimeout: sleep } = require('node:timers/promises');

const { request } = require('../../couchdb/support/client.js');
const { startFake } = require('../../couchdb/support/fake.js');
const { startServer } = require('../../redis/support/server.js');
const { startLanes } = require('./lanes.js');

/** @typedef {import('../../histories/random.js').Random} Random */
/** @typedef {import('../../histories/history.js').Recorder} Recorder */
/** @typedef {{ random: Random, recorder: Recorder }} Means with which a fault is made and recorded */
/**
 * @typedef {object} World
 * @property {Record<string, unknown>[]} remotes the lower tier of each process
 * @property {Record<string, readonly [weight: number, happens: (means: Means) => unknown]>} faults what may happen,
 *   more or less often
 * @property {{ put: (key: string, id: string) => Promise<unknown>, forget: (key: string) => Promise<unknown> }} [program]
 *   that writes without a cache; where it would not be heard there is none
 * @property {() => Promise<void>} stop
 */

/** Short, so that what fails is over soon. */
const TIMES = {
  commandTimeout: '500ms',
  connectTimeout: '500ms',
  reconnectDelay: '20ms',
  maxReconnectDelay: '200ms',
  leaseTtl: '500ms',
};

/** The server loses all that it has: that is a flush. */
const losesAll = ({ recorder }, lose, sparesRuns = false) =>
  recorder.perform({ op: 'flush', key: '', sparesRuns }, async () => {
    await lose();
    return {};
  });

/**
 * @param {object} plan
 * @param {number} plan.instances
 * @param {number} [plan.deaf] of how many words of a change one is lost on the way to the first process
 * @param {boolean} [plan.plain] whether nobody has RESP3: then what is no cache is not heard, and does not write
 * @returns {Promise<World>}
 */
async function redisWorld({ instances, deaf, plain = false }) {
  const server = await startServer();
  /** @type {Awaited<ReturnType<typeof startLanes>>[]} */
  const lanes = [];
  for (let at = 0; at < instances; at += 1) lanes.push(await startLanes(null, server, { plain }));
  if (deaf !== undefined) lanes[0].deafen(deaf);

  const held = async (random, kind, least, most) => {
    const lane = random.pick(lanes);
    lane.hold(kind);
    await sleep(least + random.next() * most);
    lane.release(kind);
  };
  const killStreams = async () => {
    const clients = (await server.cli('CLIENT', 'LIST')).split('\n');
    for (const client of clients.filter((line) => /flags=\w*[BP]/.test(line))) {
      await server.cli('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(client)?.[1]);
    }
  };
  const killAll = () => server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const standStill = async (random) => {
    server.pause();
    await sleep(50 + random.next() * 1500);
    server.resume();
  };
  return {
    remotes: lanes.map(({ host, port }) => ({ driver: 'redis', host, port, ...TIMES })),
    faults: {
      'the stream of one process is reset': [6, ({ random }) => random.pick(lanes).cut('changes')],
      'the streams of all are ended by the server': [3, killStreams],
      'all connections are ended by the server': [2, killAll],
      'the stream of one process stands still': [6, ({ random }) => held(random, 'changes', 200, 2500)],
      'the answers to one process are late': [4, ({ random }) => held(random, 'data', 0, 200)],
      'the server stands still': [3, ({ random }) => standStill(random)],
      'the server is started anew': [2, (means) => losesAll(means, () => server.restart())],
    },
    ...(!plain && {
      program: {
        put: (key, id) => server.cli('SET', `cache:${key}`, JSON.stringify({ id })),
        forget: (key) => server.cli('DEL', `cache:${key}`),
      },
    }),
    async stop() {
      await Promise.all(lanes.map((lane) => lane.stop()));
      await server.stop();
    },
  };
}

/** @param {{ instances: number }} plan @returns {Promise<World>} */
async function couchWorld({ instances }) {
  const fake = await startFake();
  const database = 'tiers';
  fake.createDatabase(database);
  const path = (key) => `/${database}/${encodeURIComponent(`entry:cache:${key}`)}`;
  /** Until nobody else has changed the document in between. */
  const change = async (key, send) => {
    // They would only be in the way.
    fake.requests.length = 0;
    for (;;) {
      const { status: found, body } = await request(fake.url, 'GET', path(key));
      const status = await send(found === 200 ? body._rev : undefined);
      if (status === undefined || status < 300) return;
      if (status !== 409 && status !== 404) throw new Error(`it was answered ${status}`);
    }
  };
  const remote = { driver: 'couchdb', url: fake.url, database, sweep: false, ...TIMES };
  const standStill = async (random) => {
    fake.pauseFeeds();
    await sleep(200 + random.next() * 2500);
    fake.resumeFeeds();
  };
  const recreate = async (random) => {
    fake.destroyDatabase(database);
    await sleep(random.next() * 500);
    // A cache may have been first: it makes the database that is missing.
    if (fake.database(database) === undefined) fake.createDatabase(database);
  };
  return {
    remotes: Array.from({ length: instances }, () => remote),
    faults: {
      'all connections are reset': [3, () => fake.dropConnections()],
      'the feeds stand still': [3, ({ random }) => standStill(random)],
      'the database is deleted and created anew': [
        2,
        (means) => losesAll(means, () => recreate(means.random), true),
      ],
    },
    program: {
      put: (key, id) =>
        change(key, async (rev) => {
          const document = { value: JSON.stringify({ id }), updatedAt: Date.now() };
          const sent = { ...(rev && { _rev: rev }), ...document };
          return (await request(fake.url, 'PUT', path(key), sent)).status;
        }),
      forget: (key) =>
        change(
          key,
          async (rev) => rev && (await request(fake.url, 'DELETE', `${path(key)}?rev=${rev}`)).status,
        ),
    },
    stop: () => fake.stop(),
  };
}

module.exports = { couchWorld, redisWorld };
