'use strict';

const { encode } = require('./resp.js');
const { Requests } = require('./requests.js');

/**
 * A command, or what makes one of the arguments of the one in whose place it is sent, if another is to be sent.
 * @typedef {(string | Buffer)[] | ((args: string[]) => (string | Buffer)[] | undefined)} Replacement
 */

/**
 * @typedef {object} Faults
 * @property {Set<'requests' | 'replies'>} paused
 * @property {number | null} cutAfter
 * @property {boolean} half
 * @property {Map<string, Replacement>} replaced
 */

/**
 * Node.js neither resets nor closes a socket whose own end is on its way: the process then never exits.
 *
 * @param {import('node:net').Socket} socket
 */
function reset(socket) {
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}

/** One connection through the proxy. */
class Link {
  onEnd = () => {};
  #client;
  #server;
  #faults;
  #counters;
  #requests = new Requests();
  /** The beginning of a command, held until it is known whether another one goes in its place. */
  #held = [];
  /** The beginning of the present command has passed already: no other one can go in its place. */
  #begun = false;
  /** @type {number | null} bytes of replies that may still pass */
  #cutAfter;
  /** @type {Buffer | null} what is kept of a chunk whose first half has passed */
  #rest = null;
  /** Directions whose receiver has not taken what it was sent. */
  #full = new Set();
  #cutting = false;
  #ended = false;

  constructor(client, server, { faults, counters }) {
    this.#client = client;
    this.#server = server;
    this.#faults = faults;
    this.#counters = counters;
    this.#cutAfter = faults.cutAfter;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.unref();
    }
    this.#forward('requests', client, server, (bytes) => this.#request(bytes));
    this.#forward('replies', server, client, (bytes) => this.#reply(bytes));
    this.refresh();
  }

  cutAfter(bytes) {
    this.#cutAfter = bytes;
  }

  heal() {
    this.#cutAfter = null;
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null) this.#client.write(rest);
  }

  /** Lets flow what may. */
  refresh() {
    const flow = (direction, from) => {
      const stalled = direction === 'replies' && this.#rest !== null;
      if (stalled || this.#faults.paused.has(direction) || this.#full.has(direction)) from.pause();
      else from.resume();
    };
    flow('requests', this.#client);
    flow('replies', this.#server);
  }

  reset() {
    if (this.#ended) return;
    this.#ended = true;
    reset(this.#client);
    reset(this.#server);
    this.onEnd();
  }

  #forward(direction, from, to, transform) {
    from.on('data', (bytes) => {
      const passed = transform(bytes);
      if (passed === null || passed.length === 0 || to.write(passed)) return;
      this.#full.add(direction);
      this.refresh();
      to.once('drain', () => {
        this.#full.delete(direction);
        this.refresh();
      });
    });
    from.on('end', () => to.end());
    from.on('error', () => this.reset());
    from.on('close', () => {
      if (this.#client.destroyed && this.#server.destroyed && !this.#ended) {
        this.#ended = true;
        this.onEnd();
      }
    });
  }

  /** What of the bytes passes as it is. */
  #request(bytes) {
    this.#counters.requestBytes += bytes.length;
    const commands = this.#requests.feed(bytes);
    for (const { args } of commands) this.#count(args[0].toUpperCase());
    if (this.#faults.replaced.size > 0 && !this.#requests.blind) return this.#replace(bytes, commands);
    this.#begun = !this.#requests.between;
    return this.#held.length === 0 ? bytes : Buffer.concat([...this.#held.splice(0), bytes]);
  }

  #count(name) {
    const { names } = this.#counters;
    this.#counters.commands += 1;
    names.set(name, (names.get(name) ?? 0) + 1);
  }

  #replace(bytes, commands) {
    const passed = [];
    let start = 0;
    for (const { args, end } of commands) {
      this.#held.push(bytes.subarray(start, end));
      start = end;
      const own = this.#held.splice(0);
      const replaced = this.#begun ? undefined : this.#faults.replaced.get(args[0].toUpperCase());
      const other = typeof replaced === 'function' ? replaced(args) : replaced;
      if (other === undefined) passed.push(...own);
      else passed.push(encode(other));
      this.#begun = false;
    }
    if (start < bytes.length) this.#held.push(Buffer.from(bytes.subarray(start)));
    return Buffer.concat(passed);
  }

  #reply(bytes) {
    if (this.#cutting) return null;
    if (this.#rest !== null) {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      return null;
    }
    let passed = bytes;
    if (this.#faults.half) {
      const middle = bytes.length >> 1;
      this.#rest = Buffer.from(bytes.subarray(middle));
      passed = bytes.subarray(0, middle);
      this.refresh();
    }
    if (this.#cutAfter !== null) {
      if (passed.length >= this.#cutAfter) return this.#cut(passed.subarray(0, this.#cutAfter));
      this.#cutAfter -= passed.length;
    }
    this.#counters.replyBytes += passed.length;
    return passed;
  }

  #cut(last) {
    this.#cutting = true;
    this.#counters.replyBytes += last.length;
    // What is still on its way when a connection is reset is lost.
    this.#client.write(last, () => this.reset());
    return null;
  }
}

module.exports = { Link, reset };
