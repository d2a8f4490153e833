/** The section: an app in a process for each contender, under load from here, one after the other in each round. */
import { load } from '../http/load.mjs';
import { startServer, unavailable } from '../redis/server.mjs';
import { ClientProcess } from '../remote/process.mjs';
import { median } from '../statistics.mjs';
import { shuffled, zipfIndices } from '../values.mjs';
import { NONE, contenders } from './contenders.mjs';

const PROGRAM = new URL('app.mjs', import.meta.url);
/** Paths that are asked for in turn, by each connection. */
const PATHS = 5000;

/** Resolves to `{ rows: { [contender]: figures }, skipped }`, every figure the median over the rounds. */
export async function fastify({ ids, connections, rounds, seconds, warmupSeconds }, progress) {
  const reason = unavailable();
  const server = reason ? undefined : await startServer();
  const present = contenders.filter((contender) => !contender.server || server);
  const skipped = contenders.filter((contender) => !present.includes(contender)).map(({ name }) => name);
  const paths = Array.from(zipfIndices(ids, PATHS), (id) => `/users/${id}`);
  const apps = [];
  try {
    for (const { name } of present) {
      progress(`filling, ${name}`);
      const client = new ClientProcess(PROGRAM, name);
      apps.push({ name, client, figures: [] });
      const target = server && { host: server.host, port: server.port };
      const { url } = await client.ask('open', { name, ids, redis: target });
      Object.assign(apps.at(-1), { url });
      await load({ url, paths, connections, seconds: warmupSeconds });
    }
    for (let round = 0; round < rounds; round += 1) {
      progress(`round ${round + 1} of ${rounds}`);
      for (const at of shuffled(apps.length, round + 1)) {
        apps[at].figures.push(await measured(apps[at], { paths, connections, seconds }));
      }
    }
    return { rows: Object.fromEntries(apps.map(({ name, figures }) => [name, medians(figures)])), skipped };
  } finally {
    await Promise.allSettled(apps.map(({ client }) => client.close()));
    await server?.stop();
  }
}

async function measured({ name, url, client }, { paths, connections, seconds }) {
  const before = await client.ask('used');
  const { requests, ...figures } = await load({ url, paths, connections, seconds });
  const after = await client.ask('used');
  const loads = after.loads - before.loads;
  if (name !== NONE && loads > 0) throw new Error(`${name}: ${loads} of ${requests} requests were no hits`);
  const cpuUs = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
  return { ...figures, cpuUs: cpuUs / requests, residentBytes: after.residentBytes };
}

const medians = (figures) =>
  Object.fromEntries(
    Object.keys(figures[0]).map((field) => [field, median(figures.map((row) => row[field]))]),
  );
