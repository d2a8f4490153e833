'use strict';

// Clients that never stop. Each has a key and a counter of its own, so that it knows what they must hold.

const { setImmediate: turn } = require('node:timers/promises');

const { until } = require('../../support/wait.js');

class Client {
  key;
  counter;
  rounds = 0;
  /** The last number that was put, and the last of which the cache said that it is stored. */
  tried = 0;
  stored = 0;
  /** Steps of the counter that were answered, and those of which nobody knows. */
  counted = 0;
  unsure = 0;
  /** Whether what was stored may be gone: its primary was killed before its replica had it. */
  lossy = false;
  /** @type {{ operation: string, code: string, message: string, at: number }[]} */
  failures = [];
  /** Reads that gave what was stored no longer, or not yet. @type {string[]} */
  wrong = [];
  /** The slowest operation since `forgetTimes`, in milliseconds. */
  slowest = 0;
  #cache;

  constructor(cache, key) {
    this.#cache = cache;
    this.key = key;
    this.counter = `${key}:count`;
  }

  async run(stopped) {
    const cache = this.#cache;
    while (!stopped()) {
      await this.#time('put', async () => {
        this.tried += 1;
        const number = this.tried;
        await cache.put(this.key, number);
        this.stored = number;
      });
      await this.#time('get', async () => this.#check(await cache.get(this.key)));
      this.unsure += 1;
      await this.#time('increment', async () => {
        await cache.increment(this.counter);
        this.unsure -= 1;
        this.counted += 1;
      });
      this.rounds += 1;
      // Refused operations settle at once: the others must have their turn.
      await turn();
    }
  }

  /** What is wrong with what the cache holds at the end. */
  async verify() {
    this.#check(await this.#cache.get(this.key));
    const count = (await this.#cache.get(this.counter)) ?? 0;
    const most = this.counted + this.unsure;
    if (count > most || (count < this.counted && !this.lossy)) {
      this.wrong.push(`${this.counter} is ${count}, and not from ${this.counted} to ${most}`);
    }
    return this.wrong;
  }

  #check(value) {
    const least = this.lossy ? 0 : this.stored;
    if (value > this.tried || (value ?? 0) < least) {
      this.wrong.push(`${this.key} is ${value}, and not from ${least} to ${this.tried}`);
    }
  }

  async #time(operation, act) {
    const began = performance.now();
    try {
      await act();
    } catch ({ code, message }) {
      this.failures.push({ operation, code, message, at: performance.now() });
    }
    this.slowest = Math.max(this.slowest, performance.now() - began);
  }
}

class Traffic {
  /** @type {Client[]} */
  clients;
  #stopped = false;
  #ended;

  constructor(clients) {
    this.clients = clients;
    this.#ended = Promise.all(clients.map((client) => client.run(() => this.#stopped)));
  }

  get failures() {
    return this.clients.flatMap(({ failures }) => failures);
  }

  get slowest() {
    return Math.max(...this.clients.map(({ slowest }) => slowest));
  }

  forgetTimes() {
    for (const client of this.clients) client.slowest = 0;
  }

  /** Resolves when each client has gone so many rounds more. */
  async rounds(count = 5, clients = this.clients) {
    const goals = clients.map((client) => client.rounds + count);
    await until('every client goes on', () => clients.every(({ rounds }, at) => rounds >= goals[at]), {
      every: 5,
    });
  }

  /** Resolves when each client has gone so many rounds more, one after the other, without a failure. */
  async recovered(count = 5, clients = this.clients) {
    await until(
      'every client goes on without failures',
      async () => {
        const before = clients.map(({ failures }) => failures.length);
        await this.rounds(count, clients);
        return clients.every(({ failures }, at) => failures.length === before[at]);
      },
      { every: 1 },
    );
  }

  /** Ends it; everything that is wrong with what was read, and with what is stored now. */
  async stop() {
    this.#stopped = true;
    await this.#ended;
    return (await Promise.all(this.clients.map((client) => client.verify()))).flat();
  }
}

/**
 * Starts a client for each key. It is stopped when the test `t` ends.
 *
 * @param {{ after: (hook: () => unknown) => void }} t
 * @param {import('../../../index.js').Cache} cache made with `failOpen: false`: who is told of nothing knows nothing
 * @param {string[]} keys
 */
function startTraffic(t, cache, keys) {
  const traffic = new Traffic(keys.map((key) => new Client(cache, key)));
  t.after(() => traffic.stop().catch(() => {}));
  return traffic;
}

module.exports = { startTraffic };
