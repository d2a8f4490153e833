'use strict';

// The cache in the Lens dashboard, without the dashboard: the real store of `@lensjs/core` in memory,
// asked for what one request did. Run it with `node examples/lens/main.js`.

const { randomUUID } = require('node:crypto');
const Fastify = require('fastify');
const {
  CacheWatcher,
  Lens,
  LensAdapter,
  QueuedSqliteStore,
  lensContext,
  lensEmitter,
} = require('@lensjs/core');

const { cachePlugin } = require('../../index.js');

/** What `lens({ app, cacheWatcherEnabled: true })` of `@lensjs/fastify` sets up, for the cache alone. */
class CacheOnlyAdapter extends LensAdapter {
  setup() {
    for (const watcher of this.getWatchers()) {
      lensEmitter.on('cache', (entry) => watcher.log(entry));
    }
  }
  registerRoutes() {}
  serveUI() {}
}

async function main() {
  const store = new QueuedSqliteStore({ databasePath: ':memory:' });
  await store.initialize();
  await Lens.setStore(store)
    .setWatchers([new CacheWatcher()])
    .setAdapter(new CacheOnlyAdapter())
    .start({ path: 'lens', appName: 'example', enabled: true });

  const app = Fastify();
  // Lens gives each request an id and runs it in its context; the cache reads it there.
  app.addHook('onRequest', (request, _reply, done) => {
    request.lensId = randomUUID();
    lensContext.run({ requestId: request.lensId }, done);
  });
  await app.register(cachePlugin, { lens: true });

  app.get('/users/:id', async (request, reply) => {
    reply.header('x-lens-id', request.lensId);
    const { id } = request.params;
    const user = await request.cache.remember(`user:${id}`, '1h', () => ({ id, balance: 12n }));
    return { id: user.id };
  });

  const ids = [];
  for (const url of ['/users/1', '/users/1']) ids.push((await app.inject(url)).headers['x-lens-id']);

  // Lens stores what is queued ten times a second; stopping its queue stores the rest at once.
  await store.stopProcessingQueue();
  const { data: newestFirst } = await store.paginate('cache', { perPage: 100 });
  for (const id of ids) {
    console.log(`request ${id}`);
    for (const { data, lens_entry_id: of } of newestFirst.toReversed()) {
      if (of === id) console.log(`  ${data.action.padEnd(5)} ${JSON.stringify(data.data)}`);
    }
  }
  await app.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
