'use strict';

const assert = require('node:assert/strict');
const { gate } = require('../support/deferred.js');

const figures = [
  'hits',
  'misses',
  'hitRatio',
  'writes',
  'deletes',
  'evictions',
  'expirations',
  'refusedFills',
  'entries',
  'bytes',
  'flights',
  'locks',
  'tags',
];

/** What a driver only knows of a store that it does not share. */
const counted = ['entries', 'bytes', 'tags'];

function suite({ able, check, pass }) {
  const known = (figure, count) => (able.counts || !counted.includes(figure) ? count : null);

  check('a new cache has nothing to count', async (cache) => {
    const stats = await cache.stats();
    assert.equal(stats.driver, able.driver);
    for (const figure of figures) assert.equal(stats[figure], known(figure, 0), figure);
  });

  check('reads, writes and removals are counted', async (cache) => {
    await cache.put('a', 1);
    await cache.put('b', 2);
    await cache.get('a');
    await cache.get('a');
    await cache.get('a');
    await cache.get('x');
    await cache.forget('a');
    const stats = await cache.stats();
    assert.equal(stats.writes, 2);
    assert.equal(stats.hits, 3);
    assert.equal(stats.misses, 1);
    assert.equal(stats.hitRatio, 0.75);
    assert.equal(stats.deletes, 1);
    assert.equal(stats.entries, known('entries', 1));
    if (able.counts) assert.ok(stats.bytes > 0);
  });

  check('a factory result that was kept out is counted', async (cache) => {
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    await cache.forget('k');
    factory.resolve(1);
    await call;
    assert.equal((await cache.stats()).refusedFills, 1);
    await cache.remember('k', () => 2);
    assert.equal((await cache.stats()).refusedFills, 1);
  });

  check('an emptied cache holds nothing', async (cache) => {
    await cache.putMany(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x'.repeat(100)]));
    assert.equal((await cache.stats()).entries, known('entries', 100));
    await cache.flush();
    const { entries, bytes } = await cache.stats();
    assert.equal(entries, known('entries', 0));
    assert.equal(bytes, known('bytes', 0));
  });

  if (able.expires && able.manualClock) {
    check('entries that expire leave without being read', async (cache) => {
      await cache.putMany(
        Array.from({ length: 100 }, (_, i) => [`k${i}`, i]),
        0.1,
      );
      await cache.put('stays', 1);
      await pass(cache, 100);
      const { entries, expirations } = await cache.stats();
      assert.equal(entries, 1);
      assert.equal(expirations, 100);
    });
  }
}

module.exports = { title: 'stats', suite };
