/**
 * The child program of one contender, in a process of its own, whose threads and heap weigh on nobody
 * else's rounds. It does nothing until the parent asks: `open`, `run` for each round, `close`.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { missingKey, shuffled, smallKey, smallObject } from '../values.mjs';
import { take, used } from './cpu.mjs';
import { OPERATIONS, load } from './load.mjs';
import { MANY } from './scenarios.mjs';
import { answering } from './answering.mjs';

/** Below every client's own bound on what may be in flight. */
const FILL_IN_FLIGHT = 256;

/** The untimed part before each round, of its operations: who idled finds its caches cold. */
const LEAD_IN = 0.15;

/**
 * Answers the parent. `contender(name)` has `open(server)`, which may throw an `Absent` where there is no such
 * contender; any other failure is one.
 */
export function serve({ contender, scenario, Absent }) {
  let client;
  let data;
  let serverPid;
  let freshRounds = 0;

  const requests = {
    async open({ name, server, keys: count }) {
      const order = Array.from(shuffled(count));
      const keys = order.map(smallKey);
      const groups = [];
      for (let at = 0; at + MANY <= count; at += MANY) groups.push(keys.slice(at, at + MANY));
      data = { keys, groups, values: order.map(smallObject) };
      serverPid = server.pid;
      try {
        client = await contender(name).open(server);
      } catch (error) {
        if (Absent && error instanceof Absent) return { skipped: error.message };
        throw error;
      }
      await fill(client, data);
      await check(name, client, data);
      return { offers: OPERATIONS.filter((operation) => client[operation]) };
    },

    async run({ scenario: id, operations }) {
      const { operation, inFlight } = scenario(id);
      const leadIn = Math.max(inFlight, Math.round(operations * LEAD_IN));
      if (operation === 'remember') freshKeys(leadIn);
      await load(client, data, { operation, inFlight, operations: leadIn });
      if (operation === 'remember') freshKeys(operations);
      // The garbage of the round before is not this one's to clear away.
      globalThis.gc?.({ type: 'minor' });
      const before = take(serverPid);
      const timed = await load(client, data, { operation, inFlight, operations });
      const cpu = used(before, take(serverPid));
      const each = (ns) => ns && ns / operations / 1000;
      const share = (ns) => ns && ns / timed.wallNs;
      return {
        perSecond: (operations / timed.wallNs) * 1e9,
        p50Us: timed.p50Us,
        p99Us: timed.p99Us,
        scriptUs: each(cpu.script),
        processUs: each(cpu.process),
        serverUs: each(cpu.server),
        scriptShare: share(cpu.script),
        processShare: share(cpu.process),
        serverShare: share(cpu.server),
        scriptWaits: share(cpu.scriptWaited),
        serverWaits: share(cpu.serverWaited),
      };
    },

    async close() {
      await client?.close();
      return {};
    },
  };

  /** Made before the round: a key of its own for each miss. */
  function freshKeys(operations) {
    freshRounds += 1;
    data.fresh = Array.from({ length: operations }, (_, at) => `${missingKey(at)}:${freshRounds}`);
  }

  answering(requests);
}

async function fill(client, { keys, values }) {
  let next = 0;
  const lane = async () => {
    while (next < keys.length) {
      const at = next;
      next += 1;
      await client.put(keys[at], values[at]);
    }
  };
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, lane));
}

/** Proves that the contender works before anything is timed. */
async function check(name, client, { keys, groups, values }) {
  const decode = client.decodes ? (value) => value : JSON.parse;
  for (const [at, key] of keys.entries()) {
    deepStrictEqual(decode(await client.get(key)), values[at], `${name}: get`);
  }
  for (const [at, group] of client.many ? groups.entries() : []) {
    const found = await client.many(group);
    const list = client.inOrder ? client.inOrder(group, found) : found;
    deepStrictEqual(list.map(decode), values.slice(at * MANY, (at + 1) * MANY), `${name}: many`);
  }
  deepStrictEqual(await client.get(missingKey(0)), null, `${name}: miss`);
  if (!client.remember) return;
  let runs = 0;
  const factory = () => {
    runs += 1;
    return values[0];
  };
  const key = `${missingKey(0)}:0`;
  for (let pass = 0; pass < 2; pass += 1) {
    deepStrictEqual(await client.remember(key, factory), values[0], `${name}: remember`);
  }
  deepStrictEqual(runs, 1, `${name}: the factory of a miss runs once`);
}
