'use strict';

/**
 * The requests of this thread that a backend has not answered yet.
 *
 * Reads and writes of single keys are gathered (lib/outbox.js), any other request is put on its session's native
 * queue at once, after them; all queues are sent once per tick, and one wake settles all that was answered. While requests are pending the process stays alive: each of them settles by
 * its deadline, which the core keeps.
 */

const timers = require('node:timers');
const { LONGEST_TIMER } = require('./deadline.js');
const { makeError, toCacheError } = require('./errors.js');
const { Outbox } = require('./outbox.js');
const { keep, keptUnder, payloadsOf } = require('./recent.js');

/** The kinds of answers, as src/binding/completions.rs has them. */
const Kind = /** @type {const} */ ({
  nothing: 0,
  false: 1,
  true: 2,
  kept: 3,
  keep: 4,
  value: 5,
  several: 6,
  failed: 7,
});

/**
 * So many requests at least, and at most, are sent before the tick is over, if there are more: the backend works at
 * them meanwhile (docs/redis.md has the measurement).
 */
const FEWEST = 16;
const MOST_AT_ONCE = 128;

/**
 * How many are sent at once, of so many that are pending: of 64 a quarter, of 128 a half.
 *
 * @param {number} pending
 */
const part = (pending) => Math.max(FEWEST, Math.min(MOST_AT_ONCE, (pending * pending) / 256));

/** How many answers are taken at once. */
const MOST = 1024;

/**
 * Makes the answer to a request what its caller gets, without a further promise. What it throws rejects.
 * @typedef {object} Reader
 * @property {(answer: any, name: string) => unknown} done
 * @property {(error: Error, name: string) => unknown} failed
 */

/** @typedef {(value: any) => void} Settle */

/** @type {Settle} */
let resolver;
/** @type {Settle} */
let rejecter;

/** The one executor of all promises made here: a request needs no closure of its own. */
const capture = (/** @type {Settle} */ resolve, /** @type {Settle} */ reject) => {
  resolver = resolve;
  rejecter = reject;
};

class Queue {
  // By request id. 0 is no request: it is what is asked of a store that answers at once.
  /** @type {(Settle | undefined)[]} */
  #resolves = [undefined];
  /** @type {(Settle | undefined)[]} */
  #rejects = [undefined];
  /** @type {(Reader | undefined)[]} */
  #readers = [undefined];
  /** @type {string[]} */
  #names = [''];
  /** Ids that may be given again. @type {number[]} */
  #free = [];
  /** How many were answered, and of each the id with the kind, and a number. */
  #codes = new Int32Array(1 + 2 * MOST);
  #pending = 0;
  /** How many are queued since they were sent last. */
  #queued = 0;
  #scheduled = false;
  /** @type {NodeJS.Timeout | undefined} */
  #alive;
  /** Sends all native queues of this thread. */
  #submit;
  #outbox;

  /** The promise of the request that was made last. @type {Promise<any>} */
  asked = Promise.resolve();

  /**
   * @param {(early: boolean) => void} submit sends all native queues; early, those that gain by it
   * @param {ConstructorParameters<typeof Outbox>[0]} gathered puts what was gathered on the native queues
   */
  constructor(submit, gathered) {
    this.#submit = submit;
    this.#outbox = new Outbox(gathered);
  }

  /**
   * Reads a key.
   *
   * @param {number} handle
   * @param {string} name
   * @param {Reader} reader makes the payload what the caller gets
   */
  get(handle, name, reader) {
    const id = this.#make(reader, name);
    this.#outbox.get(handle, id, name);
    return this.asked;
  }

  /**
   * Writes a key.
   *
   * @param {number} handle
   * @param {string} name
   * @param {string} json
   * @param {number} ttl milliseconds
   * @param {Reader} reader
   */
  put(handle, name, json, ttl, reader) {
    const id = this.#make(reader, name);
    this.#outbox.put(handle, id, name, json, ttl);
    return this.asked;
  }

  /**
   * A new request, which is sent at the end of this tick. Its promise is `asked`.
   *
   * @returns {number} its id
   */
  take() {
    this.handOver();
    return this.#make(undefined, '');
  }

  /**
   * @param {Reader | undefined} reader
   * @param {string} name what the reader is given beside the answer
   */
  #make(reader, name) {
    if (this.#outbox.isFull) this.handOver();
    this.asked = new Promise(capture);
    const id = this.#free.pop() ?? this.#resolves.length;
    this.#resolves[id] = resolver;
    this.#rejects[id] = rejecter;
    this.#readers[id] = reader;
    this.#names[id] = name;
    if (this.#pending++ === 0) this.#hold();
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(tick, this);
    }
    if (++this.#queued > part(this.#pending)) this.flush(true);
    return id;
  }

  /** Forgets a request that could not be made. Its promise never settles. @param {number} id */
  drop(id) {
    this.#release(id);
    this.#rest();
  }

  /** Sends what this tick has queued since it sent last. */
  tick() {
    this.#scheduled = false;
    this.flush();
  }

  /** How many writes are gathered. */
  get writes() {
    return this.#outbox.writes;
  }

  /** Puts what was gathered on the native queues, so that what comes now comes after it. */
  handOver() {
    if (this.#outbox.count === 0) return;
    const ended = this.#outbox.send();
    if (ended === undefined) return;
    for (const id of ended) this.#settle(id, makeError('CACHE_CLOSED', 'the cache is closed'), true);
    this.#rest();
  }

  /** Sends what is queued. @param {boolean} [early] before the tick is over */
  flush(early = false) {
    this.#queued = 0;
    try {
      this.handOver();
      this.#submit(early);
    } catch (error) {
      // There is no caller that could catch it, and nobody else who would settle what is pending.
      const failure = toCacheError(error);
      for (let id = 1; id < this.#resolves.length; id++) this.#settle(id, failure, true);
      this.#rest();
    }
  }

  /**
   * Takes what was answered and settles it, in order. Never throws: it is called by a wake.
   *
   * @param {(codes: Int32Array) => any[]} completions
   */
  drain(completions) {
    const codes = this.#codes;
    do {
      const values = completions(codes);
      let next = 0;
      for (let at = 1; at < 2 * codes[0]; at += 2) {
        const id = codes[at] >>> 3;
        const kind = codes[at] & 7;
        if (kind === Kind.kept) this.answered(id, keptUnder(codes[at + 1]));
        else if (kind === Kind.value) this.answered(id, values[next++]);
        else if (kind === Kind.keep) this.answered(id, keep(values[next++], codes[at + 1]));
        else if (kind === Kind.several) this.answered(id, payloadsOf(values[next++]));
        else if (kind === Kind.failed) this.failed(id, values[next++]);
        else this.answered(id, kind === Kind.nothing ? undefined : kind === Kind.true);
      }
    } while (codes[0] === MOST);
    this.#rest();
  }

  /**
   * @param {number} id
   * @param {unknown} answer
   */
  answered(id, answer) {
    this.#settle(id, answer, false);
  }

  /**
   * @param {number} id
   * @param {[code: string, message: string]} failure
   */
  failed(id, [code, message]) {
    this.#settle(id, toCacheError({ code, message }), true);
  }

  /**
   * @param {number} id
   * @param {any} outcome an answer, or an error
   * @param {boolean} failed
   */
  #settle(id, outcome, failed) {
    const resolve = this.#resolves[id];
    if (resolve === undefined) return;
    const reject = /** @type {Settle} */ (this.#rejects[id]);
    const reader = this.#readers[id];
    const name = this.#names[id];
    this.#release(id);
    if (reader === undefined) return failed ? reject(outcome) : resolve(outcome);
    try {
      resolve(failed ? reader.failed(outcome, name) : reader.done(outcome, name));
    } catch (error) {
      reject(error);
    }
  }

  /** @param {number} id */
  #release(id) {
    this.#resolves[id] = undefined;
    this.#rejects[id] = undefined;
    this.#readers[id] = undefined;
    this.#names[id] = '';
    this.#free.push(id);
    this.#pending--;
  }

  /** Keeps the process alive: what wakes this thread does not. */
  #hold() {
    if (this.#alive === undefined) this.#alive = timers.setInterval(() => {}, LONGEST_TIMER);
    else this.#alive.ref();
  }

  /** Lets it end, if nothing is pending. */
  #rest() {
    if (this.#pending === 0) this.#alive?.unref();
  }
}

/** @param {Queue} queue */
const tick = (queue) => queue.tick();

exports.Queue = Queue;
