'use strict';

// Processes with some threads each, every process with an upper tier of its own over one lower tier; what happens to
// that meanwhile; and what they all did and saw.

const { fork } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');

const { Recorder, readHistory } = require('../../histories/history.js');
const { Random } = require('../../histories/random.js');
const { deferred } = require('../../support/deferred.js');
const { redisWorld } = require('./worlds.js');

/** @typedef {import('./worlds.js').World} World */

const PROGRAM = path.join(__dirname, 'instance.js');
const THREADS = 2;
/** Who changes the lower tier itself. */
const NATURE = 'nature';

class Instance {
  /** @type {any[]} */
  stats = [];
  ready = deferred();
  done = deferred();
  #child;
  #waiting = { ready: THREADS, done: THREADS };

  constructor(settings) {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' };
    this.#child = fork(PROGRAM, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (/** @type {any} */ message) => this.#heard(message));
    this.#child.on('exit', (code) => this.#fail(`a process ended with ${code}`));
    this.#child.send(settings);
  }

  tell(message) {
    this.#child.send(message);
  }

  end() {
    this.#child.kill('SIGKILL');
  }

  #heard(message) {
    if (message.failed ?? message.unasked) this.#fail(message.failed ?? message.unasked);
    if (message.stats) this.stats.push(message.stats);
    for (const what of /** @type {const} */ (['ready', 'done'])) {
      if (!message[what]) continue;
      this.#waiting[what] -= 1;
      if (this.#waiting[what] === 0) this[what].resolve(undefined);
    }
  }

  #fail(reason) {
    this.ready.reject(new Error(reason));
    this.done.reject(new Error(reason));
  }
}

/** What another program does to the keys: it writes and deletes, and knows of no cache. */
async function outsider(program, { random, recorder }, stopped) {
  let made = 0;
  while (!stopped()) {
    const key = random.chance(0.3) ? random.pick(['a', 'b', 'c']) : `calm:${random.below(200)}`;
    if (random.chance(0.8)) {
      made += 1;
      const value = `${key}#${NATURE}.${made}`;
      await recorder.perform({ op: 'put', key, tags: [], value }, async () => {
        await program.put(key, value);
        return {};
      });
    } else {
      await recorder.perform({ op: 'forget', key }, async () => {
        await program.forget(key);
        return {};
      });
    }
    await sleep(random.next() * 20);
  }
}

/** One thing after the other happens. */
async function happen(faults, means, happened, stopped) {
  const weighted = Object.entries(faults).map(([name, [weight]]) => [weight, name]);
  while (!stopped()) {
    await sleep(50 + means.random.next() * 250);
    const name = means.random.weigh(weighted);
    happened[name] = (happened[name] ?? 0) + 1;
    await faults[name][1](means);
  }
}

/**
 * @param {object} plan
 * @param {number} plan.seconds
 * @param {number} plan.seed
 * @param {number} [plan.instances]
 * @param {(plan: any) => Promise<World>} [plan.start] the lower tier
 * @param {boolean} [plan.faults] whether something happens meanwhile
 * @param {number} [plan.deaf] of how many words of a change one is lost on the way to the first process
 * @param {boolean} [plan.plain] whether nobody has RESP3
 */
async function runFleet({ seconds, seed, instances = 4, start = redisWorld, faults = false, ...plan }) {
  const world = await start({ instances, ...plan });
  /** @type {Instance[]} */
  const fleet = [];
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrocache-tiers-'));
  const epoch = String(process.hrtime.bigint());
  const means = (name, own) => ({
    random: new Random(own),
    recorder: new Recorder(path.join(folder, `${name}.jsonl`), BigInt(epoch)),
  });
  /** @type {Record<string, number>} */
  const happened = {};
  let stopping = false;
  const stopped = () => stopping;
  try {
    world.remotes.forEach((remote, at) => {
      const options = { driver: 'tiered', failOpen: false, config: { remote } };
      const settings = Array.from({ length: THREADS }, (_, number) => {
        const thread = `p${at}.${number}`;
        const file = path.join(folder, `${thread}.jsonl`);
        return { options, file, epoch, thread, clients: 3, seed: seed + at * 104_729 + number * 15_485_863 };
      });
      fleet.push(new Instance(settings));
    });
    await Promise.all(fleet.map(({ ready }) => ready.promise));
    for (const instance of fleet) instance.tell({ go: true });
    const others = [
      ...(world.program ? [outsider(world.program, means('outsider', seed + 1), stopped)] : []),
      ...(faults ? [happen(world.faults, means(NATURE, seed), happened, stopped)] : []),
    ];
    await Promise.race([sleep(seconds * 1000), ...fleet.map(({ done }) => done.promise), ...others]);
    stopping = true;
    await Promise.all(others);
    for (const instance of fleet) instance.tell({ stop: true });
    await Promise.all(fleet.map(({ done }) => done.promise));
    const operations = fs.readdirSync(folder).flatMap((file) => {
      const name = path.basename(file, '.jsonl');
      const { operations: list } = readHistory(name, path.join(folder, file));
      return list.map((operation) => ({ ...operation, instance: name.split('.')[0] }));
    });
    return { operations, happened, stats: fleet.map((instance) => instance.stats[0]) };
  } finally {
    stopping = true;
    for (const instance of fleet) instance.end();
    await world.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

module.exports = { runFleet };
