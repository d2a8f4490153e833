'use strict';

// Guarantees 1 and 5 for tags that a factory sets while it runs: the epochs that count are those
// from before it ran, also of tags that nobody knew it would have.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { deferred, turns } = require('../support/deferred.js');
const { openFor } = require('../support/open.js');
require('../support/alive.js');

const LIMIT = { timeout: 10_000 };

function open(t) {
  return openFor(t, { clock: 'manual', hardTimeout: Infinity });
}

/** A flight of `k` that sets its tags before it stands still, or just before it ends. */
async function flight(cache, { early = [], late }) {
  const started = deferred();
  const end = deferred();
  const call = cache.remember('k', { tags: early }, async (context) => {
    started.resolve();
    await end.promise;
    if (late) context.setTags(late);
    return 'older';
  });
  await started.promise;
  return { call, end: end.resolve };
}

describe('tags that a factory sets late', () => {
  test('a flush before they are set wins: nothing is stored', LIMIT, async (t) => {
    const cache = open(t);
    const { call, end } = await flight(cache, { late: ['t'] });
    await cache.tags(['t']).flush();
    end();
    assert.equal(await call, 'older');
    await turns();
    assert.equal(await cache.get('k'), null);
    assert.equal((await cache.stats()).refusedFills, 1);
  });

  test(
    'who joined before the flush is given the value, who joined after it computes anew',
    LIMIT,
    async (t) => {
      const cache = open(t);
      const { call, end } = await flight(cache, { late: ['t'] });
      const before = cache.remember('k', () => 'not run');
      await cache.tags(['t']).flush();
      const after = cache.remember('k', { tags: ['t'] }, () => 'newer');
      end();
      assert.deepEqual(await Promise.all([call, before, after]), ['older', 'older', 'newer']);
      assert.equal(await cache.get('k'), 'newer');
    },
  );

  test('a flush of a tag that was used before wins as well', LIMIT, async (t) => {
    const cache = open(t);
    await cache.tags(['t']).put('seen', 1);
    await cache.tags(['t']).flush();
    const { call, end } = await flight(cache, { late: ['t'] });
    await cache.tags(['t']).flush();
    end();
    await call;
    assert.equal(await cache.get('k'), null);
  });

  test('a flush of one of several wins', LIMIT, async (t) => {
    const cache = open(t);
    const { call, end } = await flight(cache, { late: ['a', 'b', 'c'] });
    await cache.tags(['b']).flush();
    end();
    await call;
    assert.equal(await cache.get('k'), null);
  });

  test('a flush between two settings of tags counts for those that the value has', LIMIT, async (t) => {
    const cache = open(t);
    const started = deferred();
    const end = deferred();
    const call = cache.remember('k', async (context) => {
      context.setTags(['first']);
      started.resolve();
      await end.promise;
      context.setTags(['second']);
      return 'v';
    });
    await started.promise;
    await cache.tags(['first']).flush();
    end.resolve();
    assert.equal(await call, 'v');
    assert.equal(await cache.get('k'), 'v');
    await cache.tags(['second']).flush();
    assert.equal(await cache.get('k'), null);
  });

  test('a flush before the flight does not concern it', LIMIT, async (t) => {
    const cache = open(t);
    await cache.tags(['t']).flush();
    const { call, end } = await flight(cache, { late: ['t'] });
    end();
    await call;
    assert.equal(await cache.get('k'), 'older');
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
  });

  test('a flush of another tag lets the value be stored', LIMIT, async (t) => {
    const cache = open(t);
    const { call, end } = await flight(cache, { late: ['t'] });
    await cache.tags(['other']).flush();
    end();
    await call;
    assert.equal(await cache.get('k'), 'older');
  });

  test('the flush of a hundred other tags does not hide the one that counts', LIMIT, async (t) => {
    const cache = open(t);
    const { call, end } = await flight(cache, { late: ['t'] });
    await cache.tags(['t']).flush();
    for (let i = 0; i < 1000; i += 1) await cache.tags([`other ${i}`]).flush();
    end();
    await call;
    assert.equal(await cache.get('k'), null);
  });

  test('a flush wins even if the tag itself was forgotten since', LIMIT, async (t) => {
    // Nothing has the tag while the factory runs, so its record may be dropped: its flush may not.
    const cache = open(t);
    const { call, end } = await flight(cache, { late: ['t'] });
    await cache.tags(['t']).flush();
    cache.clock.advance('1h');
    assert.equal((await cache.stats()).tags, 0);
    cache.clock.advance('1h');
    end();
    assert.equal(await call, 'older');
    assert.equal(await cache.get('k'), null);
  });

  test(
    'a flush of a tag that was declared and then replaced does not concern the value',
    LIMIT,
    async (t) => {
      const cache = open(t);
      const { call, end } = await flight(cache, { early: ['declared'], late: ['late'] });
      end();
      await call;
      await cache.tags(['declared']).flush();
      assert.equal(await cache.get('k'), 'older');
      await cache.tags(['late']).flush();
      assert.equal(await cache.get('k'), null);
    },
  );

  test('a flush in a namespace concerns the late tags of that namespace alone', LIMIT, async (t) => {
    const cache = open(t);
    const run = async (flushing) => {
      const started = deferred();
      const end = deferred();
      const call = cache.namespace('ns').remember('k', async (context) => {
        started.resolve();
        await end.promise;
        context.setTags(['t']);
        return 'v';
      });
      await started.promise;
      await flushing.tags(['t']).flush();
      end.resolve();
      await call;
      return cache.namespace('ns').pull('k');
    };
    assert.equal(await run(cache.namespace('ns')), null);
    assert.equal(await run(cache), 'v');
    assert.equal(await run(cache.namespace('other')), 'v');
  });
});
