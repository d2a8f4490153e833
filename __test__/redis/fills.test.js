'use strict';

// What a factory made is stored by one command where the server can compare by itself, and by a script elsewhere.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { Cache } = require('../../index.js');
const { gate } = require('../support/deferred.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

/** @type {Record<string, (proxy: import('./support/proxy.js').Proxy) => void>} */
const servers = {
  'that has SET … IFEQ': (proxy) => proxy.knowIfeq(),
  'that does not have it': (proxy) => proxy.refuseIfeq(),
};

for (const [which, prepare] of Object.entries(servers)) {
  describe(`on a server ${which}`, () => {
    async function start(t) {
      const server = await startServer(t);
      const proxy = await startProxy(t, server);
      prepare(proxy);
      const cache = new Cache({ driver: 'redis', failOpen: false, config: { url: proxy.url } });
      t.after(() => cache.close());
      const sent = (name) => proxy.counters.names.get(name) ?? 0;
      return { server, proxy, cache, sent };
    }

    test('what factories made is stored for as long as it is to live', async (t) => {
      const { server, cache, sent } = await start(t);
      const keys = Array.from({ length: 20 }, (_, at) => `k${at}`);
      const made = await Promise.all(keys.map((key, at) => cache.remember(key, '1m', () => ({ at }))));
      assert.deepEqual(
        made,
        Object.values(made).map((_, at) => ({ at })),
      );
      for (const [at, key] of keys.entries()) {
        assert.deepEqual(await cache.get(key), { at });
        const left = Number(await server.cli('PTTL', `cache:${key}`));
        assert.ok(left > 50_000 && left <= 60_000, `${left}`);
      }
      const scripts = sent('EVAL') + sent('EVALSHA');
      if (which === 'that has SET … IFEQ') assert.equal(scripts, 0);
      else assert.equal(scripts, keys.length);
      // Whether it can is asked of the server once.
      const sets = sent('SET');
      await cache.remember('another', () => 1);
      assert.equal(sent('SET'), sets + (scripts === 0 ? 2 : 1));
    });

    for (const [what, meanwhile, found] of /** @type {const} */ ([
      ['written', (server) => server.cli('SET', 'cache:key', '"theirs"'), 'theirs'],
      ['removed', (server) => server.cli('DEL', 'cache:key'), null],
    ])) {
      test(`a key that another program has ${what} meanwhile stays so`, async (t) => {
        const { server, cache } = await start(t);
        await cache.remember('first', () => 1);
        const factory = gate();
        const call = cache.remember('key', factory);
        await factory.started;
        await meanwhile(server);
        factory.resolve('mine');
        assert.equal(await call, 'mine');
        assert.equal(await cache.get('key'), found);
        assert.equal((await cache.stats()).refusedFills, 1);
      });
    }

    test('what was asked before it comes before it, where the server has lost its scripts', async (t) => {
      const { server, cache } = await start(t);
      await cache.remember('first', () => 1);
      await cache.increment('counter', 1);
      const factory = gate();
      const call = cache.remember('key', factory);
      await factory.started;
      await server.cli('SCRIPT', 'FLUSH');
      // Both go together.
      factory.resolve(1);
      assert.equal(await cache.increment('key', 5), 5);
      assert.equal(await call, 1);
      assert.equal(await cache.get('key'), 5);
    });

    test('a fill that the server refuses is an error, and not tried again', async (t) => {
      const { server, cache, sent } = await start(t);
      await cache.remember('first', () => 1);
      const scripts = sent('EVALSHA');
      const factory = gate();
      const call = cache.remember('key', factory);
      await factory.started;
      await server.cli('CONFIG', 'SET', 'maxmemory', '1');
      factory.resolve('mine');
      await assert.rejects(call, (error) => error.code === 'CACHE_UNAVAILABLE' && /OOM/.test(error.message));
      // One fill by a script, where it takes one.
      assert.ok(sent('EVALSHA') - scripts <= 1);
    });
  });
}
