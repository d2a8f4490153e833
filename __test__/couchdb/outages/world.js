'use strict';

// An app under way, and a CouchDB server that something happens to.

const { SECRET, USER } = require('../../support/outages/watch.js');
const { SLACK, World } = require('../../support/outages/world.js');
const { until } = require('../../support/wait.js');
const { startFake } = require('../support/fake.js');

/** The server shares its thread with those who ask it, and one operation can be many requests. */
const TIMEOUT = 1000;
const PAUSE = 8;
/** Where nothing is to time out. */
const PATIENT = 10_000;
/** What reads entries, and what writes them. */
const READS = /\/_bulk_get$/;
const WRITES = /\/_bulk_docs$/;

/** Whether a document belongs to `key`, of whatever prefix: its value or its lock. */
const isKey = ({ _id }) => /:key$/.test(_id);
/** The codes of an operation of which it is not known whether it was done. */
const UNKNOWN = /^CACHE_(UNAVAILABLE|TIMEOUT)$/;

/** @typedef {Awaited<ReturnType<typeof startFake>>} Fake */

class CouchWorld extends World {
  /** @type {Fake} */
  server;
  #others = 0;

  constructor(t, server, { config, timeout }) {
    const url = server.urlFor(USER);
    super(t, {
      driver: 'couchdb',
      url,
      // Nothing is asked that nobody here asks for.
      config: { sweep: false, ...config },
      open: { url },
      strict: { url: server.origin, username: USER, password: SECRET },
      timeout,
      pause: PAUSE,
    });
    this.server = server;
  }

  /** As another process has it: with a connection of its own, and without what this one remembers. */
  another(options = {}) {
    this.#others += 1;
    const config = { url: this.url, maxQueue: 1000 + this.#others, ...options.config };
    return this.cache({ failOpen: false, ...options, config });
  }

  get database() {
    return this.server.database();
  }

  /** The document of a key of `open` and `strict`, as it is stored. */
  entry(key) {
    return this.database.read(`entry:cache:${key}`);
  }

  /** A write by somebody who knows nothing of this cache. */
  overwrite(key, value) {
    const document = { value: JSON.stringify(value), updatedAt: Date.now() };
    return this.database.write({ _id: `entry:cache:${key}`, ...document });
  }

  /** Requests so far that match. */
  asked(match) {
    return this.server.requests.filter(match);
  }
}

/**
 * Which bulk requests write a document that is named so, each `times` times at most.
 *
 * @param {(document: any) => boolean} named
 * @param {number} [times]
 */
const writing = (named, times = 1) => ({
  path: WRITES,
  body: (body) => body.docs.some(named),
  times,
});

/**
 * @param {any} t
 * @param {{ server?: any, config?: Record<string, unknown>, traffic?: boolean, ready?: boolean, patient?: boolean }} [options]
 *   `ready` is whether the database is there before anything else happens, `patient` that nothing is to time out
 */
async function startWorld(
  t,
  { server: given = {}, config = {}, traffic = true, ready = true, patient = false } = {},
) {
  // Tests that wait together have a world each, and each listens to the process.
  process.setMaxListeners(0);
  const users = { [USER]: { password: SECRET, role: 'admin' } };
  const server = await startFake({ users, ...given });
  const world = new CouchWorld(t, server, { config, timeout: patient ? PATIENT : TIMEOUT });
  t.after(async () => {
    server.faults.clear();
    await world.release();
    // A connection that is reset while it ends is never closed by Node.js 20, which then cannot end either.
    await until('the connections have ended', () => server.open === 0).catch(() => {});
    await server.stop();
  });
  if (ready) await world.strict.ready();
  if (traffic) await world.startTraffic();
  return world;
}

module.exports = { READS, SLACK, TIMEOUT, UNKNOWN, WRITES, isKey, startWorld, writing };
