'use strict';

// What a factory made is stored by one command where the server can compare by itself, and by a script elsewhere.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { Cache } = require('../../index.js');
const { gate } = require('../support/deferred.js');
const { startProxy } = require('./support/proxy.js');
const { startServer } = require('./support/server.js');
require('../support/alive.js');

for (const compares of [true, false]) {
  describe(`on a server ${compares ? 'with' : 'without'} SET … IFEQ`, () => {
    async function start(t) {
      const server = await startServer(t);
      const proxy = await startProxy(t, server);
      if (compares) proxy.knowIfeq();
      else proxy.refuseSetWith('IFEQ');
      const cache = new Cache({ driver: 'redis', failOpen: false, config: { url: proxy.url } });
      t.after(() => cache.close());
      const sent = (name) => proxy.counters.names.get(name) ?? 0;
      const scripts = () => sent('EVAL') + sent('EVALSHA');
      return { server, cache, sent, scripts };
    }

    test('what factories made is stored for as long as it is to live', async (t) => {
      const { server, cache, sent, scripts } = await start(t);
      const keys = Array.from({ length: 20 }, (_, at) => `k${at}`);
      const made = await Promise.all(keys.map((key, at) => cache.remember(key, '1m', () => ({ at }))));
      assert.deepEqual(
        made,
        keys.map((_, at) => ({ at })),
      );
      for (const [at, key] of keys.entries()) {
        assert.deepEqual(await cache.get(key), { at });
        const left = Number(await server.cli('PTTL', `cache:${key}`));
        assert.ok(left > 50_000 && left <= 60_000, `${left}`);
      }
      assert.equal(scripts(), compares ? 0 : keys.length);
      // Whether it can is asked of the server once.
      const sets = sent('SET');
      await cache.remember('another', () => 1);
      assert.equal(sent('SET'), sets + (compares ? 2 : 1));
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
      const { server, cache, scripts } = await start(t);
      await cache.remember('first', () => 1);
      const before = scripts();
      const factory = gate();
      const call = cache.remember('key', factory);
      await factory.started;
      await server.cli('CONFIG', 'SET', 'maxmemory', '1');
      factory.resolve('mine');
      await assert.rejects(call, (error) => error.code === 'CACHE_UNAVAILABLE' && /OOM/.test(error.message));
      assert.equal(scripts() - before, compares ? 0 : 1);
    });
  });
}
