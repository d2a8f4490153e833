/** The section: a process and a fresh database for each contender, measured and deleted. */
import { ClientProcess } from '../remote/process.mjs';
import { measure, mediansOf } from '../remote/rounds.mjs';
import { contenders, versions } from './contenders.mjs';
import { scenarios } from './scenarios.mjs';
import { freshName, reach, unavailable } from './server.mjs';

const PROGRAM = new URL('client.mjs', import.meta.url);
const SIGNALS = ['SIGINT', 'SIGTERM'];

/**
 * Resolves to `{ rows: { [scenario]: { [contender]: figures } }, rounds, server, packages }`, every figure the
 * median of its values in the rounds; or to `{ unavailable }`, why nothing was run.
 */
export async function couchdb({ keys, bars, ...plan }, progress) {
  const reason = unavailable();
  if (reason) return { unavailable: reason };
  const server = await reach();
  const clients = [];
  // Without them the section fails, and deletes what it made on a server that is somebody else's.
  const interrupted = () => clients.forEach((client) => client.kill());
  for (const signal of SIGNALS) process.on(signal, interrupted);
  try {
    for (const { name } of contenders) {
      progress(`filling, ${name}`);
      const client = Object.assign(new ClientProcess(PROGRAM, name), { database: freshName() });
      clients.push(client);
      const { database } = client;
      const { offers } = await client.ask('open', { name, server: { url: server.url, database }, keys });
      client.offers = offers;
      // A `put` without an expiry is less work.
      const expiring = await server.expiring(database);
      if (expiring < keys) throw new Error(`${name}: ${expiring} of ${keys} values expire`);
    }
    const { counters } = server;
    const all = await measure(scenarios, clients, { ...plan, counters, least }, progress);
    return {
      rows: mediansOf(all),
      rounds: all,
      server: { version: server.version },
      packages: versions(),
      // A shortened run has no figures that a bar could be held against.
      bars,
    };
  } finally {
    await Promise.allSettled(clients.map((client) => client.close()));
    await Promise.allSettled(clients.map(({ database }) => server.drop(database)));
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }
}

/** A miss writes the value that it found nowhere. */
const COUNTERS = { get: 'reads', many: 'reads', put: 'writes', remember: 'writes' };

const least = (operation, keys) => [COUNTERS[operation], keys];
