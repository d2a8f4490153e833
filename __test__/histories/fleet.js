'use strict';

/** Starts processes (or worker threads) that work on one cache, kills some in the middle, and reads what they wrote. */

const { fork } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { Worker } = require('node:worker_threads');
const { readHistory } = require('./history.js');

const PROGRAM = path.join(__dirname, 'worker.js');

/** How long starting, dying and stopping may take, in milliseconds; far above what they do. */
const LIMIT = 30_000;

class Member {
  /** @type {any} */
  #worker;
  #epoch;
  #file;
  #output = '';
  /** @type {Promise<void>} */
  #ended;
  #doomed = false;

  /** @param {any} settings */
  constructor(settings) {
    this.name = settings.name;
    this.#epoch = BigInt(settings.epoch);
    this.#file = settings.file;
    const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' };
    this.#worker = settings.threads
      ? new Worker(PROGRAM, { workerData: settings, stderr: true, env })
      : fork(PROGRAM, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#worker.stderr.on('data', (/** @type {Buffer} */ text) => {
      this.#output += text;
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#worker.on('error', reject);
      this.#worker.on('exit', (/** @type {number | null} */ code) => {
        if (this.#doomed || code === 0) resolve();
        else reject(new Error(`${this.name} ended with ${code}: ${this.#output}`));
      });
    });
    this.#ended.catch(() => {});
    if (!settings.threads) this.#worker.send(settings);
  }

  /** Resolves when its caches are ready. Both sides must mean the same by a time: that is checked here. */
  async ready() {
    const before = this.#now();
    const message = await this.#until(
      new Promise((resolve) => {
        this.#worker.once('message', resolve);
      }),
    );
    if (!(message.ready && before <= message.now && message.now <= this.#now())) {
      throw new Error(`${this.name} has another clock: ${message.now} is not after ${before} and before now`);
    }
  }

  /** @param {object} message */
  tell(message) {
    if (this.#worker.send) this.#worker.send(message);
    else this.#worker.postMessage(message);
  }

  /** Ends it without a warning: in a factory, while it holds a lock, or wherever it is. */
  async kill(/** @type {'factory' | 'lock' | 'anywhere'} */ where) {
    this.#doomed = true;
    if (where !== 'anywhere') this.tell({ die: where });
    else {
      fs.appendFileSync(this.#file, `\n${JSON.stringify({ what: 'killed', at: this.#now() })}\n`);
      this.end();
    }
    await this.ended();
  }

  end() {
    this.#doomed = true;
    if (this.#worker.terminate) this.#worker.terminate();
    else this.#worker.kill('SIGKILL');
  }

  ended() {
    return this.#until(this.#ended);
  }

  /** Rejects when it ends although nobody told it to. */
  get gone() {
    return this.#ended.then(() => {
      throw new Error(`${this.name} stopped by itself: ${this.#output}`);
    });
  }

  history() {
    return readHistory(this.name, this.#file);
  }

  #now() {
    return Number(process.hrtime.bigint() - this.#epoch);
  }

  /**
   * @template T
   * @param {Promise<T>} promise
   */
  async #until(promise) {
    const late = new AbortController();
    const bound = sleep(LIMIT, undefined, { signal: late.signal }).then(() => {
      throw new Error(`${this.name} did not go on within ${LIMIT} ms: ${this.#output}`);
    });
    bound.catch(() => {});
    try {
      return /** @type {any} */ (
        await Promise.race([promise, bound, this.#ended.then(() => ({ ended: true }))])
      );
    } finally {
      late.abort();
    }
  }
}

/**
 * Runs a fleet and resolves to what its members did.
 *
 * @param {object} plan
 * @param {object} plan.data options of the cache of the values
 * @param {object} plan.counts options of the cache of the counters
 * @param {string} plan.folder where the histories go
 * @param {boolean} plan.threads worker threads instead of processes
 * @param {number} plan.members
 * @param {number} plan.clients in each member
 * @param {number} plan.seconds
 * @param {number} plan.seed
 * @param {readonly ('factory' | 'lock' | 'anywhere')[]} plan.kills spread over the time; each is followed by a new
 *   member
 * @param {boolean} plan.lateTags
 * @param {number} plan.pace
 * @param {string | undefined} plan.fault
 */
async function runFleet({ folder, members, seconds, seed, kills, ...shared }) {
  const epoch = String(process.hrtime.bigint());
  /** @type {Member[]} */
  const all = [];
  const add = async () => {
    const name = `p${all.length}`;
    const file = path.join(folder, `${name}.jsonl`);
    const member = new Member({ ...shared, epoch, name, file, seed: seed + all.length * 104_729 });
    all.push(member);
    await member.ready();
    return member;
  };
  try {
    let alive = await Promise.all(Array.from({ length: members }, add));
    for (const member of alive) member.tell({ go: true });
    const end = performance.now() + seconds * 1000;
    for (const [index, where] of kills.entries()) {
      const left = end - performance.now();
      await pause(left / (kills.length - index + 1), alive);
      const [victim] = alive;
      await victim.kill(where);
      const heir = await add();
      heir.tell({ go: true });
      alive = [...alive.slice(1), heir];
    }
    await pause(end - performance.now(), alive);
    for (const member of alive) member.tell({ stop: true });
    await Promise.all(alive.map((member) => member.ended()));
    return all.map((member) => member.history());
  } finally {
    for (const member of all) member.end();
  }
}

/**
 * Lets the members work; if one ends, there is no more to wait for.
 *
 * @param {number} millis
 * @param {readonly Member[]} members
 */
async function pause(millis, members) {
  const stopped = new AbortController();
  const passed = sleep(Math.max(0, millis), undefined, { signal: stopped.signal });
  passed.catch(() => {});
  const failed = Promise.race(members.map((member) => member.gone));
  try {
    await Promise.race([passed, failed]);
  } finally {
    stopped.abort();
  }
}

module.exports = { runFleet };
