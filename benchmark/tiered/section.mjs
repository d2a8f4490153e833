/** The section: what a hit upstairs costs, how soon news arrive, and traffic on two instances beside the peers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../child.mjs';
import { startServer, unavailable } from '../redis/server.mjs';
import { ClientProcess } from '../remote/process.mjs';
import { median, percentile } from '../statistics.mjs';
import { shuffled } from '../values.mjs';
import { now } from './clock.mjs';
import { contenders, versions } from './contenders.mjs';
import { judge, unpacked } from './stale.mjs';

const PROGRAM = new URL('instance.mjs', import.meta.url);
const INSTANCES = 2;
/** Both begin at once: long enough to be told so. */
const HEAD_START_MS = 200;
/** No operation's: they say that a client is there, and ask whether the server is. */
const UPKEEP = new Set(['info', 'quit', 'ping', 'hello', 'client', 'config', 'command', 'role']);
/** News that have not arrived by then have not arrived. */
const LATEST_MS = 5000;

/**
 * Resolves to `{ hits, news, rows, rounds, server, packages, bars }`, every figure of `rows` the median of its values
 * in the rounds; or to `{ unavailable }`, why nothing was run.
 */
export async function tiered({ hits, traffic, news, bars }, progress) {
  const reason = unavailable();
  if (reason) return { unavailable: reason };
  const server = await startServer();
  const target = { host: server.host, port: server.port };
  const pairs = [];
  try {
    progress('hits');
    const hitRows = await run('tiered/hits.mjs', { ...target, ...hits });
    for (const { name, tells } of contenders) {
      progress(`filling, ${name}`);
      const pair = { name, tells, clients: [], before: new Map(), rounds: [] };
      pairs.push(pair);
      for (let instance = 0; instance < INSTANCES; instance += 1) {
        const client = new ClientProcess(PROGRAM, `${name} ${instance}`);
        pair.clients.push(client);
        const { keys, entries } = traffic;
        await client.ask('open', { name, server: target, instance, keys, entries });
      }
      await both(pair, 'fill', { instances: INSTANCES });
    }
    const newsRows = {};
    for (const pair of pairs.filter(({ tells }) => tells)) {
      progress(`news, ${pair.name}`);
      newsRows[pair.name] = await arrivals(pair, news);
    }
    for (let round = -traffic.warmup; round < traffic.rounds; round += 1) {
      for (const at of shuffled(pairs.length, round + traffic.warmup + 1)) {
        progress(`traffic, ${round < 0 ? 'warm-up' : `round ${round + 1}`}, ${pairs[at].name}`);
        const figures = await exchange(pairs[at], traffic, server);
        if (round >= 0) pairs[at].rounds.push(figures);
      }
    }
    return {
      hits: hitRows,
      news: newsRows,
      rows: Object.fromEntries(pairs.map(({ name, rounds }) => [name, medians(rounds)])),
      rounds: Object.fromEntries(pairs.map(({ name, rounds }) => [name, rounds])),
      server: { version: server.version },
      packages: versions(),
      // A shortened run has no figures that a bar could be held against.
      bars,
    };
  } finally {
    await Promise.allSettled(pairs.flatMap(({ clients }) => clients.map((client) => client.close())));
    await server.stop();
  }
}

const both = ({ clients }, type, input) => Promise.all(clients.map((client) => client.ask(type, input)));

/** How long it takes from a write's call on one instance until another reads what it wrote, in milliseconds. */
async function arrivals({ clients: [writer, reader] }, { samples, warmup }) {
  const millis = [];
  let lost = 0;
  for (let version = 1; version <= samples + warmup; version += 1) {
    const seen = reader.ask('see', { version, limit: LATEST_MS });
    // It reads the version before again and again meanwhile, and so has it in memory.
    await sleep(2);
    const { start } = await writer.ask('write', { version });
    const { at } = await seen;
    if (version <= warmup) continue;
    if (at === null) lost += 1;
    else millis.push(at - start);
  }
  return { p50Ms: percentile(millis, 0.5), p99Ms: percentile(millis, 0.99), samples, lost };
}

async function exchange(pair, { operations, inFlight, writes }, server) {
  const before = await commands(server);
  const begin = now() + HEAD_START_MS;
  const answers = await both(pair, 'run', { operations, inFlight, writes, begin });
  const after = await commands(server);
  const all = operations * INSTANCES;
  const wallMs = Math.max(...answers.map(({ to }) => to)) - Math.min(...answers.map(({ from }) => from));
  const logs = answers.map(({ log }) => unpacked(log));
  const { reads, stale, behindMs } = judge(logs, pair.before);
  return {
    perSecond: (all / wallMs) * 1000,
    commands: (after - before) / all,
    p50Us: median(answers.map(({ p50Us }) => p50Us)),
    p99Us: Math.max(...answers.map(({ p99Us }) => p99Us)),
    cpuUs: answers.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / all,
    stale: stale / reads,
    behindMs: stale === 0 ? 0 : median(behindMs),
  };
}

/** How many commands the server has carried out, those in scripts among them. */
async function commands({ info }) {
  let sum = 0;
  for (const [name, text] of Object.entries(await info('commandstats'))) {
    const [, command] = /^cmdstat_(\w+)/.exec(name) ?? [];
    if (command && !UPKEEP.has(command)) sum += Number(/calls=(\d+)/.exec(text)[1]);
  }
  return sum;
}

function medians(rounds) {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((field) => [field, median(rounds.map((figures) => figures[field]))]),
  );
}
