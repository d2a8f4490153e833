'use strict';

// A Fastify app with a cache, on Redis or CouchDB if REDIS_URL or COUCHDB_URL names a server, else in memory: what `npm start` runs.
// README.md beside this file says more.

const { setTimeout: sleep } = require('node:timers/promises');
const Fastify = require('fastify');

const { cachePlugin } = require('../../index.js');
const { endStreams, sendEvents } = require('./events.js');

const HOST = '127.0.0.1';

/** Stands for a database that takes a second. */
const database = {
  lookups: 0,
  async findUser(id) {
    this.lookups += 1;
    await sleep(1_000);
    return { id, name: `User ${id}`, readAt: new Date().toISOString() };
  },
};

function createApp() {
  const app = Fastify({ logger: { level: 'warn' } });

  app.register(cachePlugin, { defaultTtl: '1m', ...driverFromEnvironment() });

  // The first request of a user takes a second, the next ones for 30 seconds nothing. However many
  // requests come at once, one of them asks the database.
  app.get('/users/:id', async (request) => {
    const { id } = request.params;
    const started = performance.now();
    const user = await request.cache
      .tags(['users'])
      .remember(`user:${id}`, '30s', () => database.findUser(id));
    return { user, tookMs: Math.round(performance.now() - started), lookups: database.lookups };
  });

  // Every user becomes a miss, however many there are.
  app.delete('/users', async (request) => {
    await request.cache.tags(['users']).flush();
    return { flushed: 'users' };
  });

  // An atomic counter.
  app.post('/views/:page', async (request) => {
    const { page } = request.params;
    return { page, views: await request.cache.increment(`views:${page}`) };
  });

  // Two seconds of work that must not run twice at a time. `maxRetries: 0` tries once and does not wait.
  app.post('/payments/:id', async (request, reply) => {
    const { id } = request.params;
    try {
      return await request.cache.lockAndRun(
        `payment:${id}`,
        { ttl: '10s', maxRetries: 0 },
        async ({ token, signal }) => {
          await sleep(2_000, undefined, { signal });
          return { paid: id, fencingToken: token };
        },
      );
    } catch (error) {
      if (error.code !== 'CACHE_LOCK_TIMEOUT') throw error;
      return reply.code(409).send({ busy: id });
    }
  });

  app.get('/stats', async (request) => request.cache.stats());

  app.get('/events', sendEvents);
  app.addHook('preClose', async () => endStreams());

  return app;
}

/** Nothing else in the app depends on where the cache is. */
function driverFromEnvironment() {
  const { REDIS_URL: redis, COUCHDB_URL: couchdb } = process.env;
  if (redis) return { driver: 'redis', config: { url: redis, prefix: 'ferrocache-example:' } };
  if (couchdb) return { driver: 'couchdb', config: { url: couchdb, database: 'ferrocache-example' } };
  return { driver: 'memory', config: { maxSize: 10_000 } };
}

/** Listens on the port, or on a free one if it is taken. */
async function listen(app, port) {
  try {
    await app.listen({ host: HOST, port });
  } catch (error) {
    if (error.code !== 'EADDRINUSE') throw error;
    console.log(`Port ${port} is taken: using a free one. (PORT=… chooses another.)`);
    await app.listen({ host: HOST, port: 0 });
  }
  return `http://${HOST}:${app.server.address().port}`;
}

function portFromEnvironment() {
  const { PORT = '3000' } = process.env;
  const port = Number(PORT);
  if (/^\d+$/.test(PORT) && port <= 65_535) return port;
  throw new Error(`PORT must be a number from 0 to 65535, not '${PORT}'`);
}

async function main() {
  const port = portFromEnvironment();
  const app = createApp();

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      await app.close();
      console.log('\nStopped.');
    });
  }

  const address = await listen(app, port);
  console.log(`
ferrocache: the Fastify example listens on ${address} (driver: ${app.cache.driver})

A slow lookup, fast the second time (and one lookup for ten at once):
  curl ${address}/users/1
  curl ${address}/users/1
  seq 10 | xargs -P 10 -I{} curl -s ${address}/users/2
Every user at once becomes a miss:
  curl -X DELETE ${address}/users
A counter:
  curl -X POST ${address}/views/home
A lock: the second one finds it busy:
  curl -X POST ${address}/payments/7 & curl -X POST ${address}/payments/7; wait
What happens in the cache, live:
  curl -N ${address}/events
Its figures:
  curl ${address}/stats

Ctrl+C stops it.`);
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
