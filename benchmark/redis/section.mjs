/**
 * The section: starts the server and a process for each contender, and asks one after the other for
 * a round while the others idle. In each round every contender of a group runs once.
 */
import { median } from '../statistics.mjs';
import { shuffled } from '../values.mjs';
import { OWN, contenders, versions } from './contenders.mjs';
import { ClientProcess } from './process.mjs';
import { MANY, scenarios, title } from './scenarios.mjs';
import { startServer, unavailable } from './server.mjs';

/**
 * Resolves to `{ rows: { [scenario]: { [contender]: figures } }, rounds, server, packages, skipped }`,
 * every figure the median of its values in the rounds; or to `{ unavailable }`, why nothing was run.
 */
export async function redis({ keys, rounds, warmup, scale, bars }, progress) {
  const reason = unavailable();
  if (reason) return { unavailable: reason };
  const server = await startServer();
  const clients = [];
  try {
    const target = { host: server.host, port: server.port, pid: server.pid };
    const skipped = {};
    for (const { name } of contenders) {
      progress(`filling, ${name}`);
      const client = new ClientProcess(name);
      clients.push(client);
      const answer = await client.ask('open', { name, server: target, keys });
      client.remembers = answer.remembers;
      if (answer.skipped) {
        skipped[name] = answer.skipped;
        progress(`${name} is left out: ${answer.skipped}`);
      } else {
        proveExpiry(name, await server.info(), keys);
      }
    }
    const present = clients.filter(({ name }) => !skipped[name]);
    const all = {};
    for (const group of groups()) {
      progress(group.map(title).join('; '));
      const tasks = tasksOf(group, present, scale);
      await interleave(tasks, { rounds, warmup, server });
      for (const { scenario, client, figures } of tasks) {
        (all[scenario.id] ??= {})[client.name] = figures;
      }
    }
    return {
      rows: mapValues(all, (byName) => mapValues(byName, medians)),
      rounds: all,
      server: { version: server.version },
      packages: versions(),
      skipped,
      // A shortened run has no figures that a bar could be held against.
      bars: bars && !skipped[OWN],
    };
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
    await server.stop();
  }
}

function groups() {
  const names = [...new Set(scenarios.map(({ group }) => group))];
  return names.map((name) => scenarios.filter(({ group }) => group === name));
}

function tasksOf(group, clients, scale) {
  return group.flatMap((scenario) =>
    clients
      .filter(({ remembers }) => remembers || scenario.operation !== 'remember')
      .map((client) => ({
        scenario,
        client,
        operations: Math.max(2 * scenario.inFlight, Math.round(scenario.operations * scale)),
        figures: [],
      })),
  );
}

async function interleave(tasks, { rounds, warmup, server }) {
  for (let round = -warmup; round < rounds; round += 1) {
    // Another order in each round: in a rotation everybody would always run after the same neighbour,
    // and pay for what that one leaves behind.
    for (const at of shuffled(tasks.length, round + warmup + 1)) {
      const { scenario, client, operations, figures } = tasks[at];
      const answer = await proved(server, scenario, client, operations);
      if (round >= 0) figures.push(answer);
    }
  }
}

/** Runs a round, and asks the server whether it was what it was to be: no misses, nothing left out. */
async function proved(server, { id, operation }, client, operations) {
  const before = await server.info();
  const answer = await client.ask('run', { scenario: id, operations });
  const after = await server.info();
  const grew = (name) => Number(after[name]) - Number(before[name]);
  const least = {
    get: ['keyspace_hits', operations],
    many: ['keyspace_hits', operations * MANY],
    put: ['total_commands_processed', operations],
    // A miss is a key that is there afterwards.
    remember: ['keyspace_misses', operations],
  };
  const [name, wanted] = least[operation];
  if (grew(name) < wanted) {
    throw new Error(`${client.name}, ${id}: ${name} grew by ${grew(name)}, not by ${wanted}`);
  }
  return answer;
}

/** A `put` without an expiry is less work. */
function proveExpiry(name, { db0 }, keys) {
  const [, held, expiring] = /keys=(\d+),expires=(\d+)/.exec(db0) ?? [];
  if (!(Number(expiring) >= keys && held - expiring < keys)) {
    throw new Error(`${name} stores values that do not expire: ${db0}`);
  }
}

function medians(answers) {
  return mapValues(answers[0], (_, field) => {
    const figures = answers.map((answer) => answer[field]);
    return figures.includes(null) ? null : median(figures);
  });
}

const mapValues = (record, change) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
