/** The section: starts the server and a process for each contender, and has them measured. */
import { ClientProcess } from '../remote/process.mjs';
import { measure, mediansOf } from '../remote/rounds.mjs';
import { OWN, contenders, versions } from './contenders.mjs';
import { scenarios } from './scenarios.mjs';
import { startServer, unavailable } from './server.mjs';

const PROGRAM = new URL('client.mjs', import.meta.url);

/**
 * Resolves to `{ rows: { [scenario]: { [contender]: figures } }, rounds, server, packages, skipped }`,
 * every figure the median of its values in the rounds; or to `{ unavailable }`, why nothing was run.
 */
export async function redis({ keys, bars, ...plan }, progress) {
  const reason = unavailable();
  if (reason) return { unavailable: reason };
  const server = await startServer();
  const clients = [];
  try {
    const target = { host: server.host, port: server.port, pid: server.pid };
    const skipped = {};
    for (const { name } of contenders) {
      progress(`filling, ${name}`);
      const client = new ClientProcess(PROGRAM, name);
      clients.push(client);
      const answer = await client.ask('open', { name, server: target, keys });
      client.offers = answer.offers;
      if (answer.skipped) {
        skipped[name] = answer.skipped;
        progress(`${name} is left out: ${answer.skipped}`);
      } else {
        proveExpiry(name, await server.info(), keys);
      }
    }
    const present = clients.filter(({ name }) => !skipped[name]);
    const all = await measure(scenarios, present, { ...plan, counters: server.info, least }, progress);
    return {
      rows: mediansOf(all),
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

const COUNTERS = {
  get: 'keyspace_hits',
  many: 'keyspace_hits',
  put: 'total_commands_processed',
  recall: 'keyspace_hits',
  // A miss is a key that is there afterwards.
  remember: 'keyspace_misses',
};

const least = (operation, keys) => [COUNTERS[operation], keys];

/** A `put` without an expiry is less work. */
function proveExpiry(name, { db0 }, keys) {
  const [, held, expiring] = /keys=(\d+),expires=(\d+)/.exec(db0) ?? [];
  if (!(Number(expiring) >= keys && held - expiring < keys)) {
    throw new Error(`${name} stores values that do not expire: ${db0}`);
  }
}
