'use strict';

/**
 * The requests of this thread that a backend has not answered yet.
 *
 * What is asked most is gathered (lib/outbox.js), any other request is put on its session's native queue at once, after
 * it; all queues are sent once per tick, and one wake settles all that was answered. While requests are pending the
 * process stays alive: each of them settles by its deadline, which the core keeps.
 */

const timers = require('node:timers');
const { LONGEST_TIMER } = require('./deadline.js');
const { makeError, toCacheError } = require('./errors.js');
const { MOST_KEYS, Outbox } = require('./outbox.js');
const { keep, keptUnder } = require('./recent.js');

/** The kinds of answers, as src/binding/completions.rs has them. */
const Kind = /** @type {const} */ ({
  nothing: 0,
  boolean: 1,
  number: 2,
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

/** Where the answers begin among the numbers that tell of them, behind how many there are and what else waits. */
const FIRST = 2;
/** What else may wait, as bits: more answers; notices. */
const MORE = 1;
const NOTICES = 2;
/** @type {readonly any[]} */
const NO_VALUES = Object.freeze([]);
/** How many numbers there is room for: for a thousand answers, and for that to a read of the most keys at least. */
const ROOM = FIRST + Math.max(2048, 2 + MOST_KEYS);

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

/** Why there is no answer for one of several keys. */
class Failure {
  /** @param {[code: import('../index.js').CacheErrorCode, message: string]} why */
  constructor([code, message]) {
    this.code = code;
    this.message = message;
  }
}

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
  /** What was answered, as src/binding/completions.rs tells it. */
  #codes = new Int32Array(ROOM);
  /** What the codes that are read next belong to. @type {readonly any[]} */
  #values = NO_VALUES;
  #next = 0;
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
   * Reads several keys.
   *
   * @param {number} handle
   * @param {readonly string[]} names at most `MOST_KEYS` of lib/outbox.js
   */
  many(handle, names) {
    if (!this.#outbox.hasRoom(names.length)) this.handOver();
    const id = this.#make(undefined, '');
    this.#outbox.many(handle, id, names);
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
    this.#outbox.write(handle, id, name, json, ttl, 0);
    return this.asked;
  }

  /**
   * Asks for the lease of a key.
   *
   * @param {number} handle
   * @param {string} name
   * @param {boolean} offline whether this process may decide alone while the backend cannot be asked
   */
  lease(handle, name, offline) {
    const id = this.#make(undefined, '');
    this.#outbox.lease(handle, id, name, offline);
    return this.asked;
  }

  /**
   * Ends a lease with what the factory made.
   *
   * @param {number} handle
   * @param {string} name
   * @param {number} lease
   * @param {string} json
   * @param {number} ttl milliseconds
   */
  fill(handle, name, lease, json, ttl) {
    const id = this.#make(undefined, '');
    this.#outbox.write(handle, id, name, json, ttl, lease);
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
    if (!this.#outbox.hasRoom(0)) this.handOver();
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
    if (++this.#queued >= part(this.#pending)) this.flush(true);
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

  /** Puts what was gathered on the native queues if a write is among it, which what comes now must not pass. */
  handOverWrites() {
    if (this.#outbox.writes !== 0) this.handOver();
  }

  /** Puts what was gathered on the native queues, so that what comes now comes after it. */
  handOver() {
    if (this.#outbox.isEmpty) return;
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
   * @param {(codes: Int32Array) => any[] | undefined} completions
   * @returns {boolean} whether there are notices
   */
  drain(completions) {
    const codes = this.#codes;
    let waits = 0;
    do {
      this.#values = completions(codes) ?? NO_VALUES;
      waits |= codes[1];
      this.#next = 0;
      const end = FIRST + codes[0];
      for (let at = FIRST; at < end; at += 2) {
        const id = codes[at];
        const code = codes[at + 1];
        const kind = code & 7;
        if (kind === Kind.failed) this.failed(id, this.#values[this.#next++]);
        else if (kind !== Kind.several) this.answered(id, this.#answer(code));
        else {
          const count = code >>> 3;
          this.answered(id, this.#several(at + 2, count));
          at += count;
        }
      }
    } while ((codes[1] & MORE) !== 0);
    this.#values = NO_VALUES;
    this.#rest();
    return (waits & NOTICES) !== 0;
  }

  /**
   * What a code says. A failure is told apart by lib/bulk.js.
   *
   * @param {number} code
   */
  #answer(code) {
    const kind = code & 7;
    if (kind === Kind.kept) return keptUnder(code >>> 3);
    if (kind === Kind.nothing) return undefined;
    if (kind === Kind.boolean) return code >>> 3 === 1;
    if (kind === Kind.number) return code >>> 3;
    const value = this.#values[this.#next++];
    if (kind === Kind.keep) return keep(value, code >>> 3);
    return kind === Kind.failed ? new Failure(value) : value;
  }

  /**
   * @param {number} from where their codes begin
   * @param {number} count
   */
  #several(from, count) {
    const answers = [];
    for (let at = from; at < from + count; at++) answers.push(this.#answer(this.#codes[at]));
    return answers;
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

exports.Failure = Failure;
exports.Queue = Queue;
