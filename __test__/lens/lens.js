'use strict';

/**
 * The real Lens for tests, around either copy of `@lensjs/core`: its emitter, its context, its cache
 * watcher and its queued SQLite store, wired by an adapter as `@lensjs/fastify` wires them.
 *
 * Lens is one per copy and process, so a test file starts each copy once.
 */

/**
 * @param {typeof import('@lensjs/core')} core the ESM or the CommonJS copy
 */
async function startLens(core) {
  const { CacheWatcher, Lens, LensAdapter, QueuedSqliteStore, lensContext, lensEmitter } = core;
  const signals = ['SIGINT', 'SIGTERM'].map((signal) => [signal, process.listeners(signal)]);
  const store = new QueuedSqliteStore({ databasePath: ':memory:', processIntervalMs: 60_000 });
  await store.initialize();
  // The store ends the process on a signal; a test run is not its to end.
  for (const [signal, before] of signals) {
    for (const listener of process.listeners(signal)) {
      if (!before.includes(listener)) process.off(signal, listener);
    }
  }

  class TestAdapter extends LensAdapter {
    setup() {
      for (const watcher of this.getWatchers()) {
        lensEmitter.on('cache', async (entry) => {
          await watcher.log(entry);
        });
      }
    }
    registerRoutes() {}
    serveUI() {}
  }

  await Lens.setStore(store)
    .setWatchers([new CacheWatcher()])
    .setAdapter(new TestAdapter())
    .start({ path: 'lens', appName: 'test', enabled: true });

  const drain = async () => {
    while (!store.queue.isEmpty()) await store.processQueue();
  };
  const entries = async () => {
    await drain();
    const { data } = await store.paginate('cache', { perPage: 10_000 });
    return data.toReversed();
  };
  return {
    lensContext,
    lensEmitter,
    /** All that Lens has stored of the cache, oldest first. */
    entries,
    /** What Lens shows for one request, oldest first. */
    async entriesOf(requestId) {
      await drain();
      // This is what the dashboard reads, but by the time of storing, which is one for a whole batch.
      const shown = new Set((await store.allByRequestId(requestId, 'cache')).map(({ id }) => id));
      return (await entries()).filter(({ id }) => shown.has(id));
    },
    truncate: () => store.truncate(),
    stop: () => store.stopProcessingQueue(),
  };
}

/**
 * A Fastify app whose requests run in a Lens context, as the hook of `@lensjs/fastify` does it. The
 * id is the one that the client gives in `x-id`.
 */
function runInLensContext(app, lensContext) {
  app.addHook('onRequest', (request, _reply, done) => {
    lensContext.run({ requestId: request.headers['x-id'] }, done);
  });
}

module.exports = { runInLensContext, startLens };
