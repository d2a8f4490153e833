/**
 * The caches in two tiers that are compared, each as its own documentation sets it up over one Redis, with memory for
 * `entries` values and a life of one hour.
 *
 * `open({ host, port, entries })` resolves to `{ get, put, close }`, all of which return promises; `tells` says
 * whether an instance is told of what another one writes. Packages are imported by `open`: a process holds one
 * contender alone.
 */
import { versionsOf } from '../remote/contenders.mjs';

const HOUR_MS = 3_600_000;

const ferrocache = {
  name: 'ferrocache',
  setup: "`new Cache({ driver: 'tiered', config: { memory: { maxSize }, remote: { driver: 'redis', … } } })`",
  package: '../../package.json',
  tells: true,
  async open({ host, port, entries }) {
    const { Cache } = await import('../../index.js');
    const remote = { driver: 'redis', host, port };
    // The default TTL is one hour. Failing open would let an error pass as a very fast miss.
    const cache = new Cache({
      driver: 'tiered',
      failOpen: false,
      config: { memory: { maxSize: entries }, remote },
    });
    await cache.ready();
    return {
      get: (key) => cache.get(key),
      put: (key, value) => cache.put(key, value),
      close: () => cache.close(),
    };
  },
};

const bentocache = {
  name: 'bentocache',
  setup:
    '`bentostore().useL1Layer(memoryDriver({ maxItems })).useL2Layer(redisDriver(…)).useBus(redisBusDriver(…))`',
  package: '../../node_modules/bentocache/package.json',
  tells: true,
  async open({ host, port, entries }) {
    const { BentoCache, bentostore } = await import('bentocache');
    const { memoryDriver } = await import('bentocache/drivers/memory');
    const { redisBusDriver, redisDriver } = await import('bentocache/drivers/redis');
    const connection = { host, port };
    const store = bentostore()
      .useL1Layer(memoryDriver({ maxItems: entries }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection }));
    const cache = new BentoCache({ default: 'tiers', ttl: HOUR_MS, stores: { tiers: store } });
    return {
      get: (key) => cache.get({ key }),
      put: (key, value) => cache.set({ key, value }),
      close: () => cache.disconnectAll(),
    };
  },
};

async function openCacheable({ host, port, entries }, more) {
  const { Cacheable, createKeyv } = await import('cacheable');
  const { default: KeyvRedis } = await import('@keyv/redis');
  const secondary = new KeyvRedis(`redis://${host}:${port}`);
  const primary = createKeyv({ lruSize: entries });
  const cache = new Cacheable({ primary, secondary, ttl: HOUR_MS, ...(await more?.()) });
  return {
    get: (key) => cache.get(key),
    put: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  };
}

const cacheable = {
  name: 'cacheable',
  setup: '`new Cacheable({ primary: createKeyv({ lruSize }), secondary: new KeyvRedis(url), ttl })`',
  package: '../../node_modules/cacheable/package.json',
  tells: false,
  open: (server) => openCacheable(server),
};

const cacheableSync = {
  name: 'cacheable, CacheableSync',
  setup: 'the same with `sync: { qified: new RedisMessageProvider({ uri }) }`',
  package: '../../node_modules/cacheable/package.json',
  tells: true,
  open: (server) =>
    openCacheable(server, async () => {
      const { RedisMessageProvider } = await import('@qified/redis');
      return { sync: { qified: new RedisMessageProvider({ uri: `redis://${server.host}:${server.port}` }) } };
    }),
};

/** In the order of the tables. */
export const contenders = [ferrocache, bentocache, cacheable, cacheableSync];

export const OWN = ferrocache.name;

export function contender(name) {
  const found = contenders.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no contender in two tiers "${name}"`);
  return found;
}

/** The installed version of each that takes part. */
export const versions = () => versionsOf(contenders);
