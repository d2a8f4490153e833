/**
 * The Redis clients that are compared, each as its own documentation sets it up for one connection.
 *
 * `open({ host, port })` resolves to `{ get, many, put, recall?, remember?, decodes, close }`, all of
 * which return promises; `recall` is a `remember` of a key that is there. `decodes` tells whether `get` and `many` give values; from a client that gives
 * texts, the timed loops parse them, because a value is what an app asks for. `many` gives what can
 * be iterated in the order of the keys. Values live for one hour, on the server, in milliseconds.
 * Packages are imported by `open`: a process holds one contender alone.
 */
import { versionsOf } from '../remote/contenders.mjs';

const HOUR_MS = 3_600_000;

const ferrocache = {
  name: 'ferrocache',
  setup: "`new Cache({ driver: 'redis', config: { host, port } })`; `many` gives a Map",
  package: '../../package.json',
  async open({ host, port }) {
    const { Cache } = await import('../../index.js');
    // The default TTL is one hour. Failing open would let an error pass as a very fast miss.
    const cache = create(Cache, { driver: 'redis', failOpen: false, config: { host, port } });
    await cache.ready();
    return {
      decodes: true,
      get: (key) => cache.get(key),
      many: (keys) => cache.many(keys),
      inOrder: (keys, found) => keys.map((key) => found.get(key)),
      put: (key, value) => cache.put(key, value),
      recall: (key, factory) => cache.remember(key, factory),
      remember: (key, factory) => cache.remember(key, factory),
      close: () => cache.close(),
    };
  },
};

/** What `open` throws while the library has no Redis driver. Any other failure is one. */
export class NoDriver extends Error {}

function create(Cache, options) {
  try {
    return new Cache(options);
  } catch (error) {
    if (error.code !== 'CACHE_CONFIG' || !/^driver must be .*, not 'redis'$/.test(error.message)) throw error;
    throw new NoDriver('this build of ferrocache has no Redis driver');
  }
}

const ioredisWith = (name, setup, options) => ({
  name,
  setup,
  package: '../../node_modules/ioredis/package.json',
  async open({ host, port }) {
    const { Redis } = await import('ioredis');
    const client = new Redis({ host, port, ...options });
    return {
      get: (key) => client.get(key),
      many: (keys) => client.mget(keys),
      put: (key, value) => client.set(key, JSON.stringify(value), 'PX', HOUR_MS),
      close: () => client.quit(),
    };
  },
});

const ioredis = ioredisWith('ioredis', '`new Redis({ host, port })`', {});

const autoPipelining = ioredisWith(
  'ioredis, auto-pipelining',
  '`new Redis({ host, port, enableAutoPipelining: true })`',
  { enableAutoPipelining: true },
);

const nodeRedis = {
  name: 'node-redis',
  setup: '`createClient({ socket: { host, port } })`',
  package: '../../node_modules/redis/package.json',
  async open({ host, port }) {
    const { createClient } = await import('redis');
    const client = createClient({ socket: { host, port } });
    await client.connect();
    return {
      get: (key) => client.get(key),
      many: (keys) => client.mGet(keys),
      put: (key, value) =>
        client.set(key, JSON.stringify(value), { expiration: { type: 'PX', value: HOUR_MS } }),
      close: () => client.close(),
    };
  },
};

const valkeyGlide = {
  name: 'valkey-glide',
  setup: '`GlideClient.createClient({ addresses: [{ host, port }] })`',
  package: '../../node_modules/@valkey/valkey-glide/package.json',
  async open({ host, port }) {
    const { GlideClient, TimeUnit } = await import('@valkey/valkey-glide');
    const client = await GlideClient.createClient({ addresses: [{ host, port }] });
    return {
      get: (key) => client.get(key),
      many: (keys) => client.mget(keys),
      put: (key, value) =>
        client.set(key, JSON.stringify(value), {
          expiry: { type: TimeUnit.Milliseconds, count: HOUR_MS },
        }),
      close: async () => client.close(),
    };
  },
};

/** In the order of the tables. */
export const contenders = [ferrocache, ioredis, autoPipelining, nodeRedis, valkeyGlide];

export const OWN = ferrocache.name;
export const IOREDIS = ioredis.name;

export function contender(name) {
  const found = contenders.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no Redis contender "${name}"`);
  return found;
}

/** The installed version of each that takes part. */
export const versions = () => versionsOf(contenders);
