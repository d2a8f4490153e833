'use strict';

// A TCP proxy that does to connections what networks and servers do.

const net = require('node:net');

const { Link, reset } = require('./link.js');
const { freePort, host } = require('../../support/ports.js');
const { until } = require('../../support/wait.js');

/** @typedef {'both' | 'requests' | 'replies'} Direction */

const DIRECTIONS = /** @type {const} */ (['requests', 'replies']);

class Proxy {
  host = host;
  port = 0;
  /** All since the start: what clients sent, what they got, and the commands by name. */
  counters = {
    connections: 0,
    refused: 0,
    commands: 0,
    requestBytes: 0,
    replyBytes: 0,
    /** @type {Map<string, number>} upper-case names of commands and how often each was sent */
    names: new Map(),
  };
  /** What the links do to what passes through them. @type {import('./link.js').Faults} */
  faults = { paused: new Set(), cutAfter: null, half: false, replaced: new Map() };
  #server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  /** @type {Set<Link>} */
  #links = new Set();
  #refusing = false;
  #target;
  #scheme = 'redis:';
  #credentials = '';

  constructor(target) {
    this.#target = { host: target.host, port: target.port };
    if (target.url === undefined) return;
    const { protocol, username, password } = new URL(target.url);
    this.#scheme = protocol;
    if (password !== '') this.#credentials = `${username}:${password}@`;
  }

  get url() {
    return `${this.#scheme}//${this.#credentials}${this.host}:${this.port}`;
  }

  /** How many connections are open now. */
  get open() {
    return this.#links.size;
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

  /** New connections go there; those that are open stay where they are. */
  retarget(target) {
    this.#target = { host: target.host, port: target.port };
  }

  /**
   * Forwards nothing any more, but accepts connections and keeps them open. What comes is kept for
   * `resume`. With `replies` the server still executes what it is sent.
   *
   * @param {Direction} [direction]
   */
  pause(direction = 'both') {
    for (const each of DIRECTIONS) {
      if (direction === 'both' || direction === each) this.faults.paused.add(each);
    }
    this.#refresh();
  }

  /** @param {Direction} [direction] */
  resume(direction = 'both') {
    for (const each of DIRECTIONS) {
      if (direction === 'both' || direction === each) this.faults.paused.delete(each);
    }
    this.#refresh();
  }

  /** Resets new connections; those that are open stay. */
  refuse() {
    this.#refusing = true;
  }

  accept() {
    this.#refusing = false;
  }

  /**
   * Resets each connection, open or new, after so many more bytes of replies.
   *
   * @param {{ afterBytes: number }} options
   */
  cut({ afterBytes }) {
    this.faults.cutAfter = afterBytes;
    for (const link of this.#links) link.cutAfter(afterBytes);
  }

  /** Each connection gets the first half of the next chunk of replies, and nothing after that. */
  half() {
    this.faults.half = true;
  }

  /** Resets every open connection. */
  dropConnections() {
    for (const link of this.#links) link.reset();
  }

  /**
   * Answers HELLO as servers do that do not have RESP3: `-NOPROTO …` or `-ERR unknown command …`.
   *
   * @param {'noproto' | 'unknown'} [how]
   */
  refuseHello3(how = 'noproto') {
    this.replace('HELLO', how === 'noproto' ? ['HELLO', '9'] : ['HELLO-UNKNOWN']);
  }

  /**
   * Answers `SET` with an option as servers do that do not know it: `-ERR syntax error`.
   *
   * @param {'GET' | 'IFEQ'} option `NX GET` is not known before Redis 7.0, `IFEQ` not before 8.4 and Valkey 8.1
   */
  refuseSetWith(option) {
    this.replace('SET', (args) => (args.includes(option) ? [...args, 'unknown'] : undefined));
  }

  /**
   * Answers `SET … IFEQ … PX` as Valkey 8.1 and Redis 8.4 do, by what the server does in one step; for values of less
   * than 256 bytes.
   */
  knowIfeq() {
    const script = `
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
      return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])`;
    this.replace('SET', (args) => {
      const [, key, value, condition, comparison, , millis] = args.map((arg) => Buffer.from(arg, 'latin1'));
      if (condition?.toString() !== 'IFEQ') return undefined;
      return ['EVAL', script, '1', key, comparison, value, millis];
    });
  }

  /**
   * Sends another command instead of each one of that name, so that the server answers in its place and
   * in order. `fail` is made with it.
   *
   * @param {string} name
   * @param {import('./link.js').Replacement} command
   */
  replace(name, command) {
    this.faults.replaced.set(name.toUpperCase(), command);
  }

  /** Each command of that name is not executed and fails with `error`, such as `LOADING not yet`. */
  fail(name, error) {
    this.replace(name, ['EVAL', 'return redis.error_reply(ARGV[1])', '0', error]);
  }

  /** Takes back every fault but what was reset; what was held goes on. */
  heal() {
    this.#refusing = false;
    this.faults.cutAfter = null;
    this.faults.half = false;
    this.faults.replaced.clear();
    for (const link of this.#links) link.heal();
    this.resume();
  }

  /**
   * Resolves when clients have sent so many commands of a name since the start, or so many at all.
   *
   * @param {string | null} name
   */
  async seen(name, count = 1, { limit = 10_000 } = {}) {
    const sent = () =>
      name === null ? this.counters.commands : (this.counters.names.get(name.toUpperCase()) ?? 0);
    await until(`the proxy sees ${count} × ${name ?? 'any command'}`, () => sent() >= count, {
      limit,
      every: 2,
    });
  }

  /** Resolves when so many connections have come since the start. */
  async connected(count, { limit = 10_000 } = {}) {
    await until(`${count} connections`, () => this.counters.connections >= count, { limit, every: 2 });
  }

  async stop() {
    this.dropConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #accept(client) {
    this.counters.connections += 1;
    if (this.#refusing) {
      this.counters.refused += 1;
      client.on('error', () => {});
      reset(client);
      return;
    }
    const server = net.connect({ ...this.#target, allowHalfOpen: true });
    const link = new Link(client, server, this);
    this.#links.add(link);
    link.onEnd = () => this.#links.delete(link);
  }

  #refresh() {
    for (const link of this.#links) link.refresh();
  }
}

/**
 * Starts a proxy that is stopped when the test `t` ends; without `t` by whoever started it.
 *
 * @param {{ after: (hook: () => unknown) => void } | null | undefined} t
 * @param {{ host: string, port: number, url?: string }} target
 */
async function startProxy(t, target) {
  const proxy = new Proxy(target);
  t?.after(() => proxy.stop());
  await proxy.start();
  return proxy;
}

module.exports = { startProxy };
