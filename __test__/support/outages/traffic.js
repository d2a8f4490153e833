'use strict';

// What an app does all the time: many callers `remember` a few keys, while what they are computed from changes.
// Nobody may be given what is older than a change that was completed before they asked.

const assert = require('node:assert/strict');
const { setImmediate: turn, setTimeout: delay } = require('node:timers/promises');

const KEYS = ['traffic:1', 'traffic:2', 'traffic:3'];

class Traffic {
  /** The longest of each kind in milliseconds. */
  longest = { remember: 0, get: 0, change: 0 };
  counts = { remembered: 0, computed: 0, got: 0, changed: 0, unchanged: 0 };
  /** What must not be. @type {string[]} */
  faults = [];
  /** The most requests that waited for the server at once. */
  mostPending = 0;
  #truth = new Map(KEYS.map((key) => [key, 1]));
  /** The change that was completed last. */
  #least = new Map(KEYS.map((key) => [key, 0]));
  #running = true;
  #pause;
  #ended;

  /**
   * @param {{ readers: any[], writer: any, pause?: number }} caches the readers fail open, the writer does
   *   not; `pause` is that of each caller between two operations, in milliseconds
   */
  constructor({ readers, writer, pause = 1 }) {
    this.#pause = pause;
    this.#ended = Promise.all([
      ...readers.flatMap((reader) =>
        KEYS.flatMap((key) => [this.#read(reader, key), this.#read(reader, key)]),
      ),
      ...KEYS.map((key) => this.#change(writer, key)),
    ]);
  }

  async stop() {
    this.#running = false;
    await this.#ended;
  }

  /** Fails if anybody was given something wrong. */
  check() {
    assert.deepEqual(this.faults.slice(0, 5), [], `${this.faults.length} faults in the traffic`);
  }

  /** Nothing that was overwritten or removed has come back. @param {any} cache */
  async nothingCameBack(cache) {
    for (const key of KEYS) {
      this.#judge(key, this.#least.get(key), await cache.get(key));
    }
    this.check();
  }

  async #read(cache, key) {
    for (let count = 0; this.#running; count += 1) {
      const least = this.#least.get(key);
      const bare = count % 4 === 0;
      const started = performance.now();
      try {
        const got = bare ? await cache.get(key) : await cache.remember(key, '1m', () => this.#compute(key));
        this.#judge(key, least, got);
        if (!bare && got === null) this.faults.push(`${key} was remembered as null`);
      } catch (error) {
        this.faults.push(`a read rejected: ${error.code} ${error.message}`);
      }
      const name = bare ? 'get' : 'remember';
      this.longest[name] = Math.max(this.longest[name], performance.now() - started);
      this.counts[bare ? 'got' : 'remembered'] += 1;
      await delay(this.#pause);
    }
  }

  async #compute(key) {
    this.counts.computed += 1;
    const version = this.#truth.get(key);
    await turn();
    return { version };
  }

  async #change(cache, key) {
    for (let count = 0; this.#running; count += 1) {
      const version = (this.#truth.get(key) ?? 0) + 1;
      this.#truth.set(key, version);
      const started = performance.now();
      try {
        if (count % 2 === 0) await cache.put(key, { version }, '1m');
        else await cache.forget(key);
        this.#least.set(key, version);
        this.counts.changed += 1;
      } catch (error) {
        this.counts.unchanged += 1;
        if (!['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'].includes(error.code)) {
          this.faults.push(`a change failed: ${error.code} ${error.message}`);
        }
      }
      this.longest.change = Math.max(this.longest.change, performance.now() - started);
      const { connection } = await cache.stats();
      this.mostPending = Math.max(this.mostPending, connection.pending);
      await delay(5 * this.#pause);
    }
  }

  #judge(key, least, got) {
    if (got === null || got === undefined) return;
    if (!(got.version >= least)) {
      this.faults.push(`${key} was ${JSON.stringify(got)} after version ${least} was complete`);
    }
  }
}

module.exports = { Traffic };
