// The plugin compiles in every form that Fastify's `register` takes, and its decorators are typed.

import Fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyRequest } from 'fastify';
import cachePlugin, {
  cachePlugin as named,
  getCacheFromInstance,
  type Cache,
  type CachePlugin,
  type CachePluginOptions,
} from 'ferrocache';

import { typeOf } from './expect.mjs';

declare module 'ferrocache' {
  interface CacheNamespaces {
    sessions: Cache;
  }
}

typeOf(named).is<typeof cachePlugin>();

const app: FastifyInstance = Fastify();

await app.register(cachePlugin);
await app.register(cachePlugin, {});
await app.register(cachePlugin, { driver: 'memory', config: { maxSize: 1000 } });
await app.register(cachePlugin, { namespace: 'sessions', decorator: 'store', ready: true, lens: true });
await app.register(cachePlugin());
await app.register(cachePlugin({ driver: 'memory', config: { maxSize: 1000 } }));
await app.register(cachePlugin({ defaultTtl: '5m' }), { namespace: 'sessions' });
await app.register(cachePlugin({ defaultTtl: '5m' }), { prefix: 'app:' });
Fastify().register(cachePlugin).register(cachePlugin, { namespace: 'sessions' });
Fastify({ logger: true }).register(cachePlugin, { defaultTtl: 60 });
const http2 = Fastify({ http2: true });
http2.register(cachePlugin);

// @ts-expect-error an unknown option
await app.register(cachePlugin, { driver: 'memory', maxsize: 1000 });
// @ts-expect-error a wrong type
await app.register(cachePlugin, { config: { maxSize: '1000' } });
// @ts-expect-error an unknown driver
await app.register(cachePlugin, { driver: 'memroy' });
// @ts-expect-error an unknown option
cachePlugin({ driver: 'memory', maxsize: 1000 });
// @ts-expect-error an unknown driver
cachePlugin({ driver: 'memroy' });

// The factory's product is what VeloxTS reads, too.
const plugin: CachePlugin = cachePlugin({ driver: 'memory' });
typeOf(plugin.name).is<string>();
typeOf(plugin.version).is<string>();
typeOf(plugin.register(app, { defaultTtl: '5m' })).is<Promise<void>>();
typeOf(cachePlugin(app, { defaultTtl: '5m' })).is<Promise<void>>();

const options: CachePluginOptions = { lens: { emitCacheEvent(_event) {}, maxEventsPerSecond: 10 } };
await app.register(cachePlugin, options);
await app.register(cachePlugin, {
  lens: { emitter: { emit: () => true }, context: { getStore: () => ({ requestId: 'r' }) } },
});
// @ts-expect-error neither way to reach Lens
await app.register(cachePlugin, { lens: { context: { getStore: () => undefined } } });

// The decorators, on the instance, the request, and inside a plugin of the app's own.
typeOf(app.cache.sessions).is<Cache>();
typeOf(await app.cache.get<string>('k')).is<string | null>();
// @ts-expect-error a namespace that nobody declared
app.cache.tokens;
app.get('/user/:id', async (request) => {
  const id = await request.cache.remember('k', '1h', async () => 123);
  typeOf(id).is<number>();
  return { id };
});
const routes: FastifyPluginAsync = async (instance) => {
  typeOf(await instance.cache.has('k')).is<boolean>();
  instance.addHook('onRequest', async (request: FastifyRequest) => {
    await request.cache.increment('requests');
  });
};
await app.register(routes);
typeOf(getCacheFromInstance(app)).is<Cache>();
typeOf(getCacheFromInstance(app, 'sessions')).is<Cache>();
