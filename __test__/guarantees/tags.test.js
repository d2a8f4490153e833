'use strict';

// Guarantee 5: epochs are unique, and nothing brings back what a tag flush made invalid.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../../index.js');
const { gate, turns } = require('../support/deferred.js');
require('../support/alive.js');

const LIMIT = { timeout: 60_000 };

describe('tag epochs', () => {
  test('a flushed entry stays flushed however often the tag is flushed and used again', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    await cache.tags(['t']).put('old', 1, Infinity);
    for (let round = 0; round < 300; round += 1) {
      await cache.tags(['t']).flush();
      await cache.tags(['t']).put('new', round, Infinity);
      assert.equal(await cache.get('old'), null, `round ${round}`);
      assert.equal(await cache.get('new'), round);
    }
    await cache.close();
  });

  test('a flushed entry stays flushed when the tag itself is forgotten and comes back', LIMIT, async () => {
    // The tag's record may be dropped when it is not used for long, or when the store is full: then
    // a record made anew must not match what was stored under the old one.
    const cache = new Cache({ clock: 'manual', config: { maxSize: 4 } });
    await cache.tags(['t']).put('old', 1, Infinity);
    await cache.tags(['t']).flush();
    for (let i = 0; i < 20_000; i += 1) {
      await cache.tags([`other ${i}`]).put('busy', i);
      await cache.tags([`other ${i}`]).flush();
    }
    cache.clock.advance('1w');
    await cache.tags(['t']).put('new', 2, Infinity);
    assert.equal(await cache.get('old'), null);
    assert.equal(await cache.get('new'), 2);
    await cache.close();
  });

  test('an entry in the store stays valid when thousands of other tags come and go', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual' });
    await cache.tags(['t']).put('k', 'v', Infinity);
    for (let i = 0; i < 5000; i += 1) {
      await cache.tags([`other ${i}`]).put(`busy ${i}`, i, '1s');
      await cache.tags([`other ${i}`]).flush();
    }
    cache.clock.advance('1w');
    assert.equal(await cache.get('k'), 'v');
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
    await cache.close();
  });

  test('tags whose entries are gone leave the memory', LIMIT, async () => {
    const cache = new Cache({ clock: 'manual', config: { maxSize: 100 } });
    for (let i = 0; i < 20_000; i += 1) await cache.tags([`tag ${i}`]).put(`k${i}`, i, '1m');
    await cache.flush();
    cache.clock.advance('1h');
    await turns();
    const { tags } = await cache.stats();
    assert.ok(tags <= 1000, `${tags} tags are still known`);
    await cache.close();
  });

  test(
    'a value whose tag was flushed while its factory ran is not stored, whichever tag it was',
    LIMIT,
    async () => {
      const cache = new Cache();
      for (const tag of ['a', 'b', 'c']) {
        const factory = gate();
        const call = cache.tags(['a']).remember('k', { tags: ['b', 'c'] }, factory);
        await factory.started;
        await cache.tags([tag]).flush();
        factory.resolve('older');
        assert.equal(await call, 'older');
        assert.equal(await cache.get('k'), null, tag);
      }
      await cache.close();
    },
  );

  test('a put issued before a flush is flushed, and one issued after it is not', LIMIT, async () => {
    const cache = new Cache();
    const before = cache.tags(['t']).put('before', 1);
    const flushed = cache.tags(['t']).flush();
    const after = cache.tags(['t']).put('after', 2);
    await Promise.all([before, flushed, after]);
    assert.equal(await cache.get('before'), null);
    assert.equal(await cache.get('after'), 2);
    await cache.close();
  });

  test('flushing several tags flushes the union', LIMIT, async () => {
    const cache = new Cache();
    const tags = Array.from({ length: 20 }, (_, i) => `t${i}`);
    for (const tag of tags) await cache.tags([tag, 'shared']).put(`of ${tag}`, tag);
    await cache.tags(tags.slice(0, 10)).flush();
    for (const [i, tag] of tags.entries()) {
      assert.equal(await cache.get(`of ${tag}`), i < 10 ? null : tag);
    }
    await cache.close();
  });

  test('a tagged flush does not touch what was put again without the tag', LIMIT, async () => {
    const cache = new Cache();
    const rewrites = [
      (c) => c.put('k', 'untagged'),
      (c) => c.tags(['other']).put('k', 'untagged'),
      (c) => c.forget('k').then(() => c.add('k', 'untagged')),
      (c) => c.forget('k').then(() => c.remember('k', () => 'untagged')),
      (c) => c.putMany({ k: 'untagged' }),
    ];
    for (const rewrite of rewrites) {
      await cache.tags(['t']).put('k', 'tagged');
      await rewrite(cache);
      await cache.tags(['t']).flush();
      assert.equal(await cache.get('k'), 'untagged');
    }
    await cache.close();
  });
});
