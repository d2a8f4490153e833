/**
 * The packages whose start is measured. `open(exports)` makes an empty cache in memory from what the package
 * exports; `need` names what else is required for it; `install` what an app installs.
 */
export const contenders = [
  {
    name: 'ferrocache',
    entries: ['../../index.js'],
    open: ([{ Cache }]) => new Cache(),
    use: (cache) => cache.put('key', 1),
  },
  {
    name: 'lru-cache',
    entries: ['lru-cache'],
    open: ([{ LRUCache }]) => new LRUCache({ max: 1000 }),
    use: async (cache) => cache.set('key', 1),
  },
  {
    name: 'bentocache',
    entries: ['bentocache', 'bentocache/drivers/memory'],
    open: ([{ BentoCache, bentostore }, { memoryDriver }]) =>
      new BentoCache({
        default: 'memory',
        stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 1000 })) },
      }),
    use: (cache) => cache.set({ key: 'key', value: 1 }),
  },
  {
    name: 'keyv',
    entries: ['keyv'],
    open: ([{ Keyv }]) => new Keyv(),
    use: (cache) => cache.set('key', 1),
  },
  {
    name: 'cacheable',
    entries: ['cacheable'],
    open: ([{ Cacheable }]) => new Cacheable(),
    use: (cache) => cache.set('key', 1),
  },
  {
    name: 'cache-manager',
    entries: ['cache-manager'],
    open: ([{ createCache }]) => createCache(),
    use: (cache) => cache.set('key', 1),
  },
  {
    name: 'async-cache-dedupe',
    entries: ['async-cache-dedupe'],
    open: ([{ createCache }]) =>
      createCache({ storage: { type: 'memory' } }).define('fetch', { ttl: 60 }, async () => 1),
    use: (cache) => cache.fetch('key'),
  },
  {
    name: 'layered-loader',
    entries: ['layered-loader'],
    open: ([{ ManualCache }]) => new ManualCache({ inMemoryCache: { ttlInMsecs: 60_000 } }),
    use: (cache) => cache.set('key', 1),
  },
];
