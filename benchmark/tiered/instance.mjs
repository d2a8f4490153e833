/**
 * Child program: one instance of a contender. It does nothing until the parent asks: `open`, `fill`, `run` for each
 * round of traffic, `write` and `see` for how soon news arrive, `close`.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { percentile } from '../statistics.mjs';
import { randomSource, smallKey, smallObject, zipfIndices } from '../values.mjs';
import { now } from './clock.mjs';
import { contender } from './contenders.mjs';
import { answering } from '../remote/answering.mjs';

const FILL_IN_FLIGHT = 256;
/** What is written says by whom, and as the how many-th of his: 0 is the filling. */
const WRITER = 2 ** 26;
const POPULARITY = 11;

let cache;
let data;
let written = 0;
let rounds = 0;

const requests = {
  async open({ name, server, instance, keys, entries }) {
    cache = await contender(name).open({ ...server, entries });
    data = { instance, keys: Array.from({ length: keys }, (_, index) => smallKey(index)) };
    return {};
  },

  /** The parts of the keys that are this instance's. */
  async fill({ instances }) {
    let next = data.instance;
    const lane = async () => {
      while (next < data.keys.length) {
        const at = next;
        next += instances;
        await cache.put(data.keys[at], { ...smallObject(at), version: 0 });
      }
    };
    await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, lane));
    return {};
  },

  /** Traffic, from `begin` on by the shared clock; every read and every write is noted. */
  async run({ operations, inFlight, writes, begin }) {
    rounds += 1;
    const seed = 1000 * rounds + data.instance;
    // The same keys are popular with all, in all rounds.
    const indices = zipfIndices(data.keys.length, operations, { seed: POPULARITY, draws: seed });
    const random = randomSource(seed + 500);
    const isWrite = Uint8Array.from({ length: operations }, () => (random() < writes ? 1 : 0));
    const log = { start: new Float64Array(operations), end: new Float64Array(operations) };
    const versions = new Float64Array(operations);
    let next = 0;
    let missed = 0;
    const lane = async () => {
      while (next < operations) {
        const at = next;
        next += 1;
        const key = data.keys[indices[at]];
        if (isWrite[at]) {
          written += 1;
          versions[at] = (data.instance + 1) * WRITER + written;
          const value = { ...smallObject(indices[at]), version: versions[at] };
          log.start[at] = now();
          await cache.put(key, value);
          log.end[at] = now();
        } else {
          log.start[at] = now();
          const found = await cache.get(key);
          log.end[at] = now();
          if (found == null) missed += 1;
          else versions[at] = found.version;
        }
        // Requests come in turns of the event loop: hits alone would never let it turn.
        await turn();
      }
    };
    globalThis.gc?.();
    while (now() < begin) await turn();
    const cpu = process.cpuUsage();
    const from = now();
    await Promise.all(Array.from({ length: inFlight }, lane));
    const to = now();
    const { user, system } = process.cpuUsage(cpu);
    if (missed > 0) throw new Error(`${missed} of ${operations} reads found nothing`);
    const reads = [];
    for (let at = 0; at < operations; at += 1) if (!isWrite[at]) reads.push(log.end[at] - log.start[at]);
    return {
      from,
      to,
      cpuMicros: user + system,
      p50Us: percentile(reads, 0.5) * 1000,
      p99Us: percentile(reads, 0.99) * 1000,
      log: Object.fromEntries(
        Object.entries({ ...log, versions, indices, isWrite }).map(([name, list]) => [name, packed(list)]),
      ),
    };
  },

  /** Writes a version under one key; when that was asked for. */
  async write({ version }) {
    const start = now();
    await cache.put('news', { ...smallObject(0), version });
    return { start };
  },

  /** Reads until a version is there; when that was. */
  async see({ version, limit }) {
    const until = now() + limit;
    for (;;) {
      const found = await cache.get('news');
      const at = now();
      if (found?.version === version) return { at };
      if (at > until) return { at: null };
      await turn();
    }
  },

  async close() {
    await cache?.close();
    return {};
  },
};

/** A typed array as text: the channel of a child process knows JSON. */
const packed = (list) => Buffer.from(list.buffer, list.byteOffset, list.byteLength).toString('base64');

answering(requests);
