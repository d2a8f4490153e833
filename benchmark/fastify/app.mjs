/**
 * Child program: the Fastify app of one contender. `GET /users/:id` answers with a record of about 1 KiB that takes the
 * app 2 ms to come by, as from a database nearby. It is started by the parent's `open`, and tells with
 * `used` what processor time and memory it has taken.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import { smallObject } from '../values.mjs';
import { contender } from './contenders.mjs';
import { answering } from '../remote/answering.mjs';

const LOAD_MS = 2;

/** A user with some orders: nested as records are, about 1 KiB of JSON. */
function recordOf(id) {
  return {
    ...smallObject(id),
    orders: Array.from({ length: 10 }, (_, at) => ({
      id: `${id}-${at}`,
      paid: at % 2 === 0,
      cents: 1999 + at,
      items: ['pencil', 'paper'],
    })),
  };
}

const requests = {
  async open({ name, ids, redis }) {
    const app = Fastify();
    let loads = 0;
    const load = async (id) => {
      loads += 1;
      await sleep(LOAD_MS);
      return recordOf(Number(id));
    };
    const cache = await contender(name).open({ app, load, entries: ids * 2, redis });
    app.get('/users/:id', (request) => cache.find(request, request.params.id));
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    await fill(app, ids);
    requests.close = async () => {
      await app.close();
      await cache.close?.();
      return {};
    };
    requests.used = async () => ({
      loads,
      cpu: process.cpuUsage(),
      residentBytes: process.memoryUsage().rss,
    });
    return { url };
  },
};

/** Asks for every record once, and proves that it is the right one; what can be cached is, from then on. */
async function fill(app, ids) {
  let next = 0;
  const lane = async () => {
    while (next < ids) {
      const id = next;
      next += 1;
      const response = await app.inject(`/users/${id}`);
      deepStrictEqual(response.json(), recordOf(id));
    }
  };
  await Promise.all(Array.from({ length: 64 }, lane));
}

answering(requests);
