'use strict';

// A TCP proxy that tells the connection on which a server tells of changes from those on which it is asked: each
// kind can be held or reset without the other.

const net = require('node:net');

const { freePort, host } = require('../../support/ports.js');
const { until } = require('../../support/wait.js');

/** @typedef {'changes' | 'data'} Kind */
/** @typedef {{ client: net.Socket, server: net.Socket, kind: Kind }} Link */

/** Only the connection that changes are told on is told to do one of these. */
const MARKS = ['BCAST', 'SUBSCRIBE'];
/** How a client asks for RESP3, and for what no server has. */
const RESP3 = Buffer.from('HELLO\r\n$1\r\n3\r\n');
const RESP9 = Buffer.from('HELLO\r\n$1\r\n9\r\n');
/** How a message begins that answers nothing. */
const PUSH = '>'.charCodeAt(0);

class Lanes {
  host = host;
  port = 0;
  /** Bytes of replies that have passed, or are held, by kind. */
  replied = { changes: 0, data: 0 };
  #target;
  #server = net.createServer((socket) => this.#accept(socket));
  /** @type {Set<Link>} */
  #links = new Set();
  /** @type {Set<Kind>} */
  #held = new Set();
  #refusing = false;
  /** Of how many words of a change one is kept back for ever. */
  #deaf = Infinity;
  #told = 0;

  /** Whether nobody gets RESP3. */
  #plain;

  constructor(target, { plain }) {
    this.#target = { host: target.host, port: target.port };
    this.#plain = plain;
  }

  get url() {
    return `redis://${this.host}:${this.port}`;
  }

  async start() {
    await until('the proxy listens', async () => {
      this.port = await freePort();
      await new Promise((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen({ host, port: this.port }, () => resolve(undefined));
      });
      return true;
    });
    this.#server.unref();
  }

  /** What servers say on connections of this kind is kept, until it is released. @param {Kind} kind */
  hold(kind) {
    this.#held.add(kind);
    this.#refresh();
  }

  /** @param {Kind} kind */
  release(kind) {
    this.#held.delete(kind);
    this.#refresh();
  }

  /** How many are open. @param {Kind} kind */
  count(kind) {
    return this.#of(kind).length;
  }

  /** Resets those that are open. @param {Kind} [kind] all, without it */
  cut(kind) {
    for (const { client, server } of this.#of(kind)) {
      client.destroy();
      server.destroy();
    }
  }

  /** A fault to be found: one in so many words of changes is lost. @param {number} nth */
  deafen(nth) {
    this.#deaf = nth;
  }

  /** Resets what comes, and what is open. */
  refuse() {
    this.#refusing = true;
    this.cut();
  }

  accept() {
    this.#refusing = false;
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  /** Only what is nothing but words of changes can be lost: an answer would be missed. @param {Buffer} bytes */
  #loses(bytes) {
    if (this.#deaf === Infinity || bytes[0] !== PUSH || bytes.includes('+PONG')) return false;
    this.#told += 1;
    return this.#told % this.#deaf === 0;
  }

  /** @param {Kind} [kind] */
  #of(kind) {
    return [...this.#links].filter((link) => kind === undefined || link.kind === kind);
  }

  #refresh() {
    for (const link of this.#links) this.#flow(link);
  }

  /** @param {Link} link */
  #flow({ server, kind }) {
    if (this.#held.has(kind)) server.pause();
    else server.resume();
  }

  /** @param {net.Socket} client */
  #accept(client) {
    client.on('error', () => {});
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = net.connect(this.#target);
    /** @type {Link} */
    const link = { client, server, kind: 'data' };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.unref();
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#links.delete(link);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (link.kind === 'data' && MARKS.some((mark) => bytes.includes(mark))) {
        link.kind = 'changes';
        this.#flow(link);
      }
      const at = this.#plain ? bytes.indexOf(RESP3) : -1;
      if (at !== -1) RESP9.copy(bytes, at);
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      this.replied[link.kind] += bytes.length;
      if (this.#loses(bytes)) return;
      client.write(bytes);
    });
    this.#flow(link);
  }
}

/**
 * Starts a proxy that is stopped when the test `t` ends; without `t` by whoever started it.
 *
 * @param {{ after: (hook: () => unknown) => void } | null} t
 * @param {{ host: string, port: number }} target
 * @param {{ plain?: boolean }} [options] `plain` is without RESP3
 */
async function startLanes(t, target, { plain = false } = {}) {
  const lanes = new Lanes(target, { plain });
  t?.after(() => lanes.stop());
  await lanes.start();
  return lanes;
}

module.exports = { startLanes };
