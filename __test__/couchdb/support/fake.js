'use strict';

// A server that speaks CouchDB's protocol as far as a cache needs it, keeps everything in memory, and does
// wrong what a test asks for. What it answers is what CouchDB 3.5 answers: support.test.js compares them.

const http = require('node:http');
const https = require('node:https');
const net = require('node:net');

const { deferred } = require('../../support/deferred.js');
const { freePort, host } = require('../../support/ports.js');
const { until } = require('../../support/wait.js');
const { Auth } = require('./auth.js');
const { Database } = require('./database.js');
const { Request, readBody, transmit } = require('./exchange.js');
const { Faults, matcher } = require('./faults.js');
const { route } = require('./routes.js');

/**
 * @typedef {object} FakeOptions
 * @property {Record<string, { password: string, role?: import('./auth.js').Role }>} [users] without any,
 *   everybody is an administrator
 * @property {number} [lockoutTime] milliseconds, from the first of five bad logins
 * @property {string} [version]
 * @property {number} [port]
 * @property {string} [basePath] a path before that of the database, as behind a reverse proxy
 * @property {{ key: string, cert: string, ca?: string, requestCert?: boolean }} [tls]
 * @property {() => number} [now] the server's clock
 * @property {boolean} [strict] a revision of a document that does not exist is a conflict always; CouchDB
 *   takes it as soon as a shard has been written to
 */

/** Resets a connection. One that is being ended already Node.js 20 would never close then. @param {net.Socket} socket */
function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

class Fake {
  host = host;
  port = 0;
  databases = new Map();
  faults = new Faults();
  auth;
  /** Every request in the order in which they were complete. @type {Request[]} */
  requests = [];
  /** Since the start, those that were refused not among them. */
  connections = 0;
  #options;
  #now;
  #http;
  #listener = /** @type {net.Server | null} */ (null);
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #feeds = new Set();
  #paused = false;
  #held = /** @type {{ gate: any, arrival: any } | null} */ (null);
  #stopped = false;

  /** @param {FakeOptions} options */
  constructor(options) {
    const { users = {}, lockoutTime, now = Date.now, tls } = options;
    this.#options = options;
    this.#now = now;
    this.auth = new Auth(users, { now, ...(lockoutTime === undefined ? {} : { lockoutTime }) });
    // Connections are ended by tests, by clients and by nobody else.
    const limits = { keepAliveTimeout: 0, requestTimeout: 0, maxHeaderSize: 65_536 };
    const settings = tls ? { ...limits, ...tls, rejectUnauthorized: tls.requestCert === true } : limits;
    const serve = (request, response) => void this.#serve(request, response);
    this.#http = tls ? https.createServer(settings, serve) : http.createServer(settings, serve);
    this.#http.headersTimeout = 0;
    this.#http.on('clientError', (_error, socket) => socket.destroy());
    this.#http.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Without credentials. */
  get origin() {
    const { tls, basePath = '' } = this.#options;
    return `${tls ? 'https' : 'http'}://${this.host}:${this.port}${basePath}`;
  }

  /** With those of an administrator, if there is one. */
  get url() {
    const { admin } = this.auth;
    return admin === undefined ? this.origin : this.urlFor(admin);
  }

  urlFor(name) {
    return this.origin.replace('://', `://${this.auth.credentials(name)}@`);
  }

  /** What a database holds, or `undefined`. @returns {Database} */
  database(name = 'cache') {
    return this.databases.get(name);
  }

  createDatabase(name = 'cache') {
    if (this.databases.has(name)) throw new Error(`there is a database ${name}`);
    const database = new Database(name, this.#context);
    this.databases.set(name, database);
    return database;
  }

  /** As if somebody else did it: whoever follows its changes comes to their end. */
  destroyDatabase(name = 'cache') {
    const database = this.databases.get(name);
    this.databases.delete(name);
    database?.destroy();
  }

  /**
   * Resolves when so many such requests have come since the start, with all of them.
   *
   * @param {import('./faults.js').Match} [match]
   */
  async seen(match, count = 1, { limit = 10_000 } = {}) {
    const matches = matcher(match);
    const found = () => this.requests.filter(matches);
    await until(`${count} such requests`, () => found().length >= count, { limit, every: 2 });
    return found();
  }

  /** Feeds of changes that are open. */
  get feeds() {
    return this.#feeds.size;
  }

  /** Feeds of changes say nothing more, not even that they are alive. */
  pauseFeeds() {
    this.#paused = true;
    for (const feed of this.#feeds) feed.pause();
  }

  resumeFeeds() {
    this.#paused = false;
    for (const feed of this.#feeds) feed.resume();
  }

  /** Connections that are open. */
  get open() {
    return this.#sockets.size;
  }

  /** Resets every open connection. */
  dropConnections() {
    for (const socket of this.#sockets) reset(socket);
  }

  /** Nobody listens any more; what is open stays open. */
  refuse() {
    this.#listener?.close();
    this.#listener = null;
  }

  /** Listens again, on the same port. */
  async accept() {
    if (this.#listener === null) await this.#listen(this.port);
  }

  /** New connections are taken, but nothing is read from them until they are released. */
  holdConnections() {
    const held = { gate: deferred(), arrival: deferred() };
    this.#held = held;
    const release = () => {
      if (this.#held === held) this.#held = null;
      held.gate.resolve();
    };
    return { arrived: held.arrival.promise, release };
  }

  async start() {
    const { port } = this.#options;
    await until('the port is free', async () => {
      this.port = port ?? (await freePort());
      // Somebody else can be faster in taking the port.
      await this.#listen(this.port);
      return true;
    });
  }

  async stop() {
    this.#stopped = true;
    this.refuse();
    this.dropConnections();
    this.faults.clear();
    this.#held?.gate.resolve();
  }

  get #context() {
    const { version = '3.5.0', strict = false } = this.#options;
    return { databases: this.databases, auth: this.auth, version, now: this.#now, strict };
  }

  async #listen(port) {
    const listener = net.createServer(
      { allowHalfOpen: true, noDelay: true },
      (socket) => void this.#connect(socket),
    );
    await new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen({ host: this.host, port }, () => resolve(undefined));
    });
    this.#listener = listener;
  }

  async #connect(socket) {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const held = this.#held;
    if (held !== null) {
      held.arrival.resolve();
      await held.gate.promise;
    }
    if (!socket.destroyed) this.#http.emit('connection', socket);
  }

  async #serve(message, response) {
    const { basePath = '' } = this.#options;
    try {
      const request = new Request(message, await readBody(message), basePath);
      if (this.#stopped) return;
      this.requests.push(request);
      const reply = await this.faults.run(request, () => this.#route(request));
      if (this.#stopped) return;
      request.status = reply.status;
      const { remotePort } = message.socket;
      await transmit(response, reply, {
        now: this.#now,
        reset: () => this.#reset(remotePort),
        opened: (feed) => this.#opened(feed),
      });
    } catch (error) {
      // The client went while it sent its request; anything else is a mistake of this server.
      if (!message.readableAborted && error.code !== 'ECONNRESET') throw error;
    }
  }

  #route(request) {
    const work = () => route(this.#context, request);
    if (!request.lost) return work();
    return [...this.databases.values()].reduce((inner, database) => () => database.undone(inner), work)();
  }

  /** The connection itself, also where TLS is spoken on it. */
  #reset(remotePort) {
    for (const socket of this.#sockets) if (socket.remotePort === remotePort) reset(socket);
  }

  #opened(feed) {
    this.#feeds.add(feed);
    feed.onClose(() => this.#feeds.delete(feed));
    if (this.#paused) feed.pause();
  }
}

/**
 * Starts a server, which is stopped when the test `t` ends; without `t` by whoever started it.
 *
 * @param {FakeOptions} [options]
 * @param {{ after: (hook: () => unknown) => void } | null} [t]
 */
async function startFake(options = {}, t = null) {
  const server = new Fake(options);
  await server.start();
  t?.after(() => server.stop());
  return server;
}

module.exports = { startFake };
