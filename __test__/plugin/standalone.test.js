'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const {
  Cache,
  cache: createCache,
  closeCache,
  createCacheManager,
  createMemoryCache,
  getCache,
  initCache,
} = require('../../index.js');

test('createCacheManager and its alias resolve to a ready cache of their own', async (t) => {
  assert.equal(createCache, createCacheManager);
  const first = await createCacheManager();
  const second = await createCache({ driver: 'memory', config: { maxSize: 10 } });
  t.after(() => Promise.all([first.close(), second.close()]));
  assert.ok(first instanceof Cache);
  await first.put('key', 1);
  assert.equal(await first.get('key'), 1);
  assert.equal(await second.get('key'), null);
});

test('createCacheManager rejects bad options with CACHE_CONFIG', async () => {
  for (const options of [{ driver: 'no-such-driver' }, { drivr: 'memory' }, 'memory']) {
    await assert.rejects(createCacheManager(options), { code: 'CACHE_CONFIG' });
  }
});

test('createMemoryCache takes the configuration of the driver at once', async (t) => {
  const plain = createMemoryCache();
  const configured = createMemoryCache({ maxSize: 2, name: 'standalone-memory' });
  const veloxts = createMemoryCache({ driver: 'memory', maxSize: 2 });
  t.after(() => Promise.all([plain.close(), configured.close(), veloxts.close()]));
  assert.equal(plain.driver, 'memory');
  assert.equal(configured.name, 'standalone-memory');
  await configured.put('key', 1);
  assert.equal(await configured.get('key'), 1);
  assert.equal(await plain.get('key'), null);
});

test('createMemoryCache throws CACHE_CONFIG on what is no configuration', () => {
  for (const config of ['memory', 1, { maxSise: 1 }, { driver: 'redis' }]) {
    assert.throws(() => createMemoryCache(config), { code: 'CACHE_CONFIG' });
  }
});

test('getCache throws CACHE_CONFIG before initCache and after closeCache', async () => {
  assert.throws(() => getCache(), { code: 'CACHE_CONFIG', message: /initCache/ });
  const cache = await initCache();
  assert.equal(getCache(), cache);
  await closeCache();
  assert.equal(cache.closed, true);
  assert.throws(() => getCache(), { code: 'CACHE_CONFIG' });
});

test('initCache makes one cache however often and however concurrently it is called', async (t) => {
  t.after(closeCache);
  const [first, second] = await Promise.all([initCache(), initCache()]);
  assert.equal(first, second);
  assert.equal(await initCache({ config: { maxSize: 5 } }), first);
});

test('initCache makes a new cache after the first one was closed', async (t) => {
  t.after(closeCache);
  const first = await initCache();
  await first.close();
  const second = await initCache();
  assert.notEqual(first, second);
  assert.equal(second.closed, false);
});

test('initCache that failed can be tried again', async (t) => {
  t.after(closeCache);
  await assert.rejects(initCache({ driver: 'no-such-driver' }), { code: 'CACHE_CONFIG' });
  t.mock.method(Cache.prototype, 'ready', () => Promise.reject(new Error('refused')));
  await assert.rejects(initCache(), { message: 'refused' });
  t.mock.restoreAll();
  const cache = await initCache();
  assert.equal(cache.closed, false);
});

test('closeCache without a cache does nothing', async () => {
  await closeCache();
  await closeCache();
});
