'use strict';

// An app under way, and a backend that something happens to. What happens, and to what kind of backend, is
// the driver's: each has a world of its own that begins with this one.

const assert = require('node:assert/strict');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { Cache } = require('../../../index.js');
const { until } = require('../wait.js');
const { isDown, isUp, operations, round } = require('./operations.js');
const { Traffic } = require('./traffic.js');
const { Watch } = require('./watch.js');

const TIMEOUT = 300;
/** What an operation may take beyond its deadline, besides what this thread itself was late. */
const SLACK = 250;
const MOST_QUEUED = 2000;
const MOST_GROWTH = 200 * 1024 * 1024;

/** How long a run whose end could not be told to the server keeps others from computing. */
const LEASE = 1000;

const times = {
  connectTimeout: '500ms',
  reconnectDelay: '20ms',
  maxReconnectDelay: '200ms',
  leaseTtl: `${LEASE}ms`,
};

/**
 * @typedef {object} Setting
 * @property {string} driver
 * @property {string} url where the caches connect to
 * @property {Record<string, unknown>} [config] of every cache, besides the times
 * @property {Record<string, unknown>} open of the one that fails open
 * @property {Record<string, unknown>} strict of the one that does not; on the same connection as `open`
 * @property {number} [timeout] what an operation may take, in milliseconds
 * @property {number} [pause] of each caller of the traffic between two operations, in milliseconds
 */

class World {
  /** Where the caches connect to. */
  url;
  /** Fails open. */
  open;
  /** Does not; on the same connection as `open`. */
  strict;
  watch = new Watch();
  /** @type {Traffic | undefined} */
  traffic;
  /** What the caches that are heard said of errors. @type {any[]} */
  events = [];
  #driver;
  #config;
  #timeout;
  #pause;
  #caches = [];
  /** @type {Map<string, number>} */
  #longest = new Map();
  #lag = monitorEventLoopDelay({ resolution: 10 });
  #memory = process.memoryUsage().rss;
  #t;

  /**
   * @param {any} t
   * @param {Setting} setting
   */
  constructor(t, { driver, url, config = {}, open, strict, timeout = TIMEOUT, pause = 1 }) {
    this.#t = t;
    this.#driver = driver;
    this.#config = { maxQueue: MOST_QUEUED, commandTimeout: `${timeout}ms`, ...times, ...config };
    this.#timeout = timeout;
    this.#pause = pause;
    this.#lag.enable();
    this.url = url;
    this.open = this.cache({ config: open });
    this.open.on('error', (event) => this.events.push(event));
    this.strict = this.cache({ failOpen: false, config: strict });
  }

  /** A further cache, on a connection of its own if its configuration is another one. */
  cache(options, { logs = false } = {}) {
    const config = { ...this.#config, ...options.config };
    const logger = logs ? { logger: this.watch.logger() } : {};
    const cache = new Cache({ driver: this.#driver, ...logger, ...options, config });
    if (!logs) cache.on('error', (event) => this.watch.say(event));
    cache.on('disconnect', (event) => this.watch.say(event));
    this.#caches.push(cache);
    return cache;
  }

  /** Starts the callers that go on all the time, on three connections. */
  async startTraffic() {
    const { url } = this;
    const [second, third] = [
      { url, maxQueue: MOST_QUEUED - 1 },
      { url, maxQueue: MOST_QUEUED - 2 },
    ];
    const readers = [this.open, this.cache({ config: second }, { logs: true })];
    const writer = this.cache({ failOpen: false, config: third });
    await writer.ready();
    this.traffic = new Traffic({ readers, writer, pause: this.#pause });
    await this.flows();
  }

  /** Resolves when the traffic has done so much more. */
  async flows(count = 30, { limit = 5000 } = {}) {
    const { traffic } = this;
    if (traffic === undefined) return;
    const reached = traffic.counts.remembered + count;
    await until('the traffic flows', () => traffic.counts.remembered >= reached, { limit, every: 5 });
  }

  /** Whether the server can be asked, as the caches know it. */
  async state() {
    return (await this.strict.stats()).connection.state;
  }

  /**
   * One round of all operations on both caches.
   *
   * @param {'up' | 'down' | 'either'} expected
   */
  async round(expected, { only = (_) => true } = {}) {
    const before = this.events.length;
    const prepared = expected === 'up';
    const rounds = await Promise.all([
      round(this.open, only, { prepared }),
      round(this.strict, only, { prepared }),
    ]);
    const events = this.events.slice(before);
    for (const [at, records] of rounds.entries()) {
      const failOpen = at === 0;
      for (const record of records) {
        this.#note(record);
        const [up, down] = [isUp(record, { prepared }), isDown(record, { failOpen })];
        const fits = { up, down, either: up || down }[expected];
        const shown = record.error ?? JSON.stringify(record.value);
        assert.ok(fits, `${record.name} (failOpen: ${failOpen}) is to be ${expected}: ${shown}`);
        if (failOpen && expected === 'down') told(record, events);
      }
    }
    return rounds.flat();
  }

  /** Rounds until something is so. */
  async rounds(expected, done, { only = (_) => true } = {}) {
    do await this.round(expected, { only });
    while (!(await done()));
  }

  /** How long it takes until the server can be asked again, by itself. */
  async recovers({ limit = 3000 } = {}) {
    const started = performance.now();
    for (const cache of this.#caches) {
      if (cache.closed) continue;
      const answers = async () => (await cache.stats()).connection.state === 'up';
      await until('the connection is up', () => cache.ready().then(answers), { limit, every: 5 });
    }
    const millis = performance.now() - started;
    await this.flows();
    await this.round('up');
    return millis;
  }

  /** Ends the scenario: judges what was seen, and says what was measured. */
  async end(figures = {}) {
    const { traffic } = this;
    await traffic?.stop();
    await traffic?.nothingCameBack(this.strict);
    const [open, strict] = [(await this.open.stats()).connection, (await this.strict.stats()).connection];
    await until('nothing is pending', async () => (await this.open.stats()).connection.pending === 0, {
      limit: 2000,
    });
    const growth = process.memoryUsage().rss - this.#memory;
    await Promise.all(this.#caches.map((cache) => cache.close()));
    this.#lag.disable();
    this.watch.end(...this.#caches);
    const lag = Math.max(0, this.#lag.max / 1e6 - 10);
    const [name, longest] = [...this.#longest].reduce(
      (most, one) => (one[1] > most[1] ? one : most),
      ['', 0],
    );
    const rounded = (object) =>
      Object.fromEntries(Object.entries(object).map(([key, of]) => [key, Math.round(of)]));
    const said = {
      ...rounded(figures),
      [`longest (${name})`]: Math.round(longest),
      lag: Math.round(lag),
      growthMiB: Math.round(growth / 2 ** 20),
      reconnects: open.reconnects,
      ...(traffic && { longest: rounded(traffic.longest), ...traffic.counts, pending: traffic.mostPending }),
    };
    this.#t.diagnostic(JSON.stringify(said));
    if (process.env.OUTAGES_SAY) for (const message of this.watch.messages) this.#t.diagnostic(message);
    for (const [each, millis] of this.#longest) {
      const limit = (operations[each].steps ?? 1) * this.#timeout + SLACK + lag;
      assert.ok(millis <= limit, `${each} took ${Math.round(millis)} ms of ${Math.round(limit)}`);
    }
    assert.ok(strict.pending <= MOST_QUEUED && (traffic?.mostPending ?? 0) <= MOST_QUEUED);
    assert.ok(growth < MOST_GROWTH, `the memory has grown by ${growth}`);
    if (traffic === undefined) return;
    // A `remember` asks, waits for another process's run, and asks again.
    const most = { get: this.#timeout, change: this.#timeout, remember: LEASE + 2 * this.#timeout };
    for (const [kind, limited] of Object.entries(most)) {
      const millis = traffic.longest[kind];
      const limit = limited + SLACK + lag;
      assert.ok(millis <= limit, `a ${kind} of the traffic took ${Math.round(millis)} ms`);
    }
  }

  /** Lets go of all that a scenario that failed has left. */
  async release() {
    await this.traffic?.stop();
    await Promise.all(this.#caches.map((cache) => cache.close()));
    this.#lag.disable();
    this.watch.stop();
  }

  #note({ name, millis }) {
    this.#longest.set(name, Math.max(this.#longest.get(name) ?? 0, millis));
  }
}

/** An operation that failed open was told as an event. */
function told({ name, key, value }, events) {
  const { event } = operations[name];
  if (event === undefined) return;
  const heard = events.some((one) => one.operation === event && (one.key === undefined || one.key === key));
  assert.ok(heard, `${name} gave ${JSON.stringify(value)} and no error event`);
}

module.exports = { SLACK, TIMEOUT, World };
