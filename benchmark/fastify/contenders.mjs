/**
 * The caches of the app in app.mjs, each as its documentation puts it into a Fastify app.
 *
 * `open({ app, load, entries, redis })` makes the app ready and resolves to `{ find, close? }`; `find(request, id)`
 * resolves to the record, which `load(id)` makes on a miss. `server` says that it needs a Redis. `isolates`
 * whether what a handler gets is its own.
 */
const HOUR_S = 3600;
const HOUR_MS = HOUR_S * 1000;

const none = {
  name: 'no cache',
  setup: 'the handler awaits the record itself',
  async open({ load }) {
    return { find: (_request, id) => load(id) };
  },
};

const ferrocache = (name, setup, options, server = false) => ({
  name,
  setup,
  server,
  package: 'ferrocache',
  async open({ app, load, redis }) {
    const { cachePlugin } = await import('../../index.js');
    // Failing open would let an error pass as a miss.
    await app.register(cachePlugin, { failOpen: false, ...options(redis) });
    return { find: (request, id) => request.cache.remember(`user:${id}`, HOUR_S, () => load(id)) };
  },
});

const memory = ferrocache('ferrocache', '`app.register(cachePlugin)`', () => ({}));

const tiered = ferrocache(
  'ferrocache, tiered',
  "`driver: 'tiered'`, memory over Redis",
  ({ host, port }) => ({ driver: 'tiered', config: { memory: {}, remote: { driver: 'redis', host, port } } }),
  true,
);

const redis = ferrocache(
  'ferrocache, Redis',
  "`driver: 'redis'`",
  ({ host, port }) => ({ driver: 'redis', config: { host, port } }),
  true,
);

const bentocacheWith = (name, setup, layers, server = false) => ({
  name,
  setup,
  server,
  package: 'bentocache',
  async open({ load, entries, redis: target }) {
    const { BentoCache, bentostore } = await import('bentocache');
    const { memoryDriver } = await import('bentocache/drivers/memory');
    const { redisBusDriver, redisDriver } = await import('bentocache/drivers/redis');
    const store = layers(bentostore(), { memoryDriver, redisDriver, redisBusDriver, entries, target });
    const cache = new BentoCache({ default: 'main', ttl: HOUR_MS, stores: { main: store } });
    return {
      find: (_request, id) => cache.getOrSet({ key: `user:${id}`, factory: () => load(id) }),
      close: () => cache.disconnectAll(),
    };
  },
});

const bentocache = bentocacheWith(
  'bentocache',
  'one store with `memoryDriver({ maxItems })`',
  (store, { memoryDriver, entries }) => store.useL1Layer(memoryDriver({ maxItems: entries })),
);

const bentocacheTiered = bentocacheWith(
  'bentocache, tiered',
  '`memoryDriver` over `redisDriver`, with `redisBusDriver`',
  (store, { memoryDriver, redisDriver, redisBusDriver, entries, target: { host, port } }) =>
    store
      .useL1Layer(memoryDriver({ maxItems: entries }))
      .useL2Layer(redisDriver({ connection: { host, port } }))
      .useBus(redisBusDriver({ connection: { host, port } })),
  true,
);

/** Its store has callbacks, and neither a get-through call nor one run for concurrent misses. */
const fastifyCaching = {
  name: '@fastify/caching',
  setup: "its default store (abstract-cache's memory), asked with `get` and `set` in promises",
  package: '@fastify/caching',
  async open({ app, load }) {
    const { default: plugin } = await import('@fastify/caching');
    await app.register(plugin);
    const { cache } = app;
    const call = (operation, ...args) =>
      new Promise((resolve, reject) => {
        cache[operation](...args, (error, result) => (error ? reject(error) : resolve(result)));
      });
    return {
      async find(_request, id) {
        const found = await call('get', `user:${id}`);
        if (found) return found.item;
        const record = await load(id);
        await call('set', `user:${id}`, record, HOUR_MS);
        return record;
      },
    };
  },
};

/** In the order of the tables. */
export const contenders = [none, memory, tiered, redis, bentocache, bentocacheTiered, fastifyCaching];

export const NONE = none.name;

export function contender(name) {
  const found = contenders.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no app with "${name}"`);
  return found;
}
