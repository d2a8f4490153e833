'use strict';

// One database and the caches on it, on the server that the tests have of their own and, where COUCHDB_URL names
// one, on a real one.

const { test } = require('node:test');

const { Cache } = require('../../../index.js');
const { openPeer } = require('../../redis/topologies/peer.js');
const { until } = require('../../support/wait.js');
const { request } = require('../support/client.js');
const { startFake } = require('../support/fake.js');
const { freshDatabase, realServer } = require('../support/real.js');

const real = realServer();
const LIMIT = { timeout: 60_000 };

class World {
  /** The server of a test's own; on a real one nothing can be counted or held. @type {any} */
  fake;
  url;
  database;
  #caches = [];
  #peers = [];
  #t;

  constructor(t, fake) {
    this.#t = t;
    this.fake = fake;
    this.url = fake?.url ?? real?.url;
    this.database = freshDatabase(this.url);
  }

  /** What is stored, on a server of a test's own. @returns {import('../support/database.js').Database} */
  get stored() {
    return this.fake.database(this.database);
  }

  /** The options of a cache on this database. What fails says so: an outage would look like a miss. */
  options({ user, ...given } = {}) {
    const url = user === undefined ? this.url : this.fake.urlFor(user);
    const config = { url, database: this.database, ...given.config };
    return { driver: 'couchdb', failOpen: false, ...given, config };
  }

  /** Caches of the same configuration have one store. A `user` is one of the server's. */
  open(options = {}) {
    const cache = new Cache(this.options(options));
    this.#caches.push(cache);
    return cache;
  }

  /** A cache in another process. */
  async openPeer(options) {
    const peer = await openPeer(this.#t, this.options(options));
    this.#peers.push(peer);
    return peer;
  }

  /** Asks the database, as its administrator; the path begins after its name. */
  ask(method, path, body) {
    return request(this.url, method, `/${this.database}${path}`, body);
  }

  /** A document as it is stored, or what is said of why there is none. */
  async document(id) {
    const { status, body } = await this.ask('GET', `/${encodeURIComponent(id)}`);
    return status === 404 ? body.reason : body;
  }

  /** Stores a document as another program does; answers with its revision. */
  async write(id, body) {
    const { status, body: answer } = await this.ask('PUT', `/${encodeURIComponent(id)}`, body);
    if (status !== 201) throw new Error(`${status} ${answer?.reason}`);
    return answer.rev;
  }

  /** The ids of all documents but the design document's. */
  async ids() {
    const { body } = await this.ask('GET', '/_all_docs');
    return body.rows.map(({ id }) => id).filter((id) => !id.startsWith('_design/'));
  }

  /** Requests of this kind that came since the count began. */
  asked(path, from = 0) {
    return this.fake.requests.slice(from).filter((one) => one.path === `/${this.database}${path}`);
  }

  async end() {
    for (const peer of this.#peers) await peer.kill();
    this.fake?.faults.clear();
    for (const cache of this.#caches) {
      await idle(cache);
      await cache.close();
    }
    if (this.fake === undefined) {
      await request(this.url, 'DELETE', `/${this.database}`);
      return;
    }
    // A connection that is reset while it ends would keep Node.js 20 from exiting.
    await until('nobody is connected any more', () => this.fake.open === 0, { every: 1 });
    await this.fake.stop();
  }
}

/**
 * Resolves when all that a cache asked is answered, also what nobody waits for: the end of a run that failed would make
 * a database again that has been deleted.
 */
async function idle(cache) {
  // A cache that is closed says nothing. What is answered now was asked last.
  await cache.has('idle').catch(() => {});
  const pending = async () => (await cache.stats().catch(() => null))?.connection.pending ?? 0;
  await until('nothing is under way', async () => (await pending()) === 0, { every: 1 });
}

/** A test on a server of its own, which `settings` are for, and whose clock can be put ahead. */
function onFake(name, ...rest) {
  const body = rest.pop();
  const [settings] = rest;
  test(name, LIMIT, async (t) => {
    const clock = { ahead: 0 };
    const world = new World(t, await startFake({ ...settings, now: () => Date.now() + clock.ahead }));
    t.after(() => world.end());
    await body(world, t, clock);
  });
}

/** A test on a server of its own, and on the real one if there is one. */
function onBoth(name, body) {
  onFake(name, body);
  if (real === undefined) return;
  test(`${name}; on a real server`, LIMIT, async (t) => {
    const world = new World(t);
    t.after(() => world.end());
    await body(world, t);
  });
}

/** All that an asynchronous iterator gives. */
async function listed(keys) {
  const all = [];
  for await (const key of keys) all.push(key);
  return all;
}

module.exports = { listed, onBoth, onFake };
