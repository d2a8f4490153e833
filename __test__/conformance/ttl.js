'use strict';

const assert = require('node:assert/strict');

// A life that a real clock can be waited for, where no clock can be moved.
const SHORT = 0.2;
const SHORT_MS = 200;

function suite({ able, check, lives, pass }) {
  const lifetimes = [
    [60, 60],
    [0.25, 0.25],
    [1.5, 1.5],
    ['500ms', 0.5],
    ['30s', 30],
    ['5m', 300],
    ['1h', 3600],
    ['1d', 86_400],
    ['1w', 604_800],
    ['1h 30m', 5400],
    ['1d 2h 3m', 93_780],
    [Infinity, Infinity],
    ['forever', Infinity],
    [undefined, 3600],
    [null, 3600],
  ];

  for (const [ttl, seconds] of lifetimes) {
    const shown = typeof ttl === 'string' ? `'${ttl}'` : String(ttl);
    check(`a value put with ${shown} lives ${seconds} seconds`, async (cache) => {
      const left = async (key) => {
        const actual = await cache.ttl(key);
        assert.ok(lives(actual, seconds), `${key}: ${actual} instead of ${seconds}`);
      };
      await cache.put('put', 1, ttl);
      await left('put');
      await cache.set('set', 1, ttl);
      await left('set');
      await cache.add('add', 1, ttl);
      await left('add');
      await cache.putMany([['putMany', 1]], ttl);
      await left('putMany');
      await cache.increment('increment', 1, ttl);
      await left('increment');
      await cache.decrement('decrement', 1, ttl);
      await left('decrement');
      await cache.remember('remember', ttl, () => 1);
      await left('remember');
      await cache.remember('options', { ttl }, () => 1);
      await left('options');
      await cache.remember('setTtl', '7s', (context) => {
        context.setTtl(ttl);
        return 1;
      });
      await left('setTtl');
      await cache.tags(['t']).put('tagged', 1, ttl);
      await left('tagged');
      await cache.tags(['t']).add('tagged add', 1, ttl);
      await left('tagged add');
      await cache.put('touch', 1, '7s');
      assert.equal(await cache.touch('touch', ttl), true);
      await left('touch');
    });
  }

  for (const ttl of [0, -0, -1, -0.001, -Infinity]) {
    const shown = Object.is(ttl, -0) ? '-0' : ttl;
    check(`a TTL of ${shown} removes the key instead of writing it`, async (cache) => {
      const gone = async () => {
        assert.equal(await cache.get('k'), null);
        assert.equal(await cache.has('k'), false);
        await cache.put('k', 'before', '1h');
      };
      await cache.put('k', 'before', '1h');
      assert.equal(await cache.put('k', 'after', ttl), undefined);
      await gone();
      assert.equal(await cache.set('k', 'after', ttl), false);
      await gone();
      await cache.putMany({ k: 'after' }, ttl);
      await gone();
      await cache.tags(['t']).put('k', 'after', ttl);
      await gone();
      assert.equal(await cache.touch('k', ttl), true);
      await gone();
      await cache.forget('k');
      assert.equal(await cache.remember('k', ttl, () => 'computed'), 'computed');
      await gone();
      assert.equal(await cache.touch('missing', ttl), false);
    });
  }

  check('a value is gone when its time is over', async (cache) => {
    await cache.put('k', 'v', SHORT);
    await cache.put('other', 'kept', '1h');
    assert.equal(await cache.get('k'), 'v');
    await pass(cache, SHORT_MS);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.get('other'), 'kept');
  });

  check('an expired value is missing for every operation', async (cache) => {
    const keys = ['has', 'pull', 'forget', 'touch', 'ttl', 'many', 'add', 'increment', 'remember'];
    for (const key of keys) await cache.put(key, 41, SHORT);
    await pass(cache, SHORT_MS);
    assert.equal(await cache.has('has'), false);
    assert.equal(await cache.pull('pull'), null);
    assert.equal(await cache.forget('forget'), false);
    assert.equal(await cache.touch('touch', '1h'), false);
    assert.equal(await cache.get('touch'), null);
    assert.equal(await cache.ttl('ttl'), null);
    assert.equal((await cache.many(['many'])).get('many'), null);
    assert.equal(await cache.forgetMany(keys), 0);
    for await (const key of cache.keys()) assert.fail(`${key} is listed`);
    assert.equal(await cache.add('add', 'new'), true);
    assert.equal(await cache.increment('increment'), 1);
    assert.equal(await cache.remember('remember', () => 'computed'), 'computed');
  });

  check('a put starts a new life, whatever the old one was', async (cache) => {
    await cache.put('k', 1, SHORT);
    await cache.put('k', 2, '1h');
    await pass(cache, SHORT_MS);
    assert.equal(await cache.get('k'), 2);
    await cache.put('k', 3, SHORT);
    await pass(cache, SHORT_MS);
    assert.equal(await cache.get('k'), null);
  });

  check('touch gives a new life from now and keeps the value and its tags', async (cache) => {
    await cache.tags(['t']).put('k', { v: 1 }, SHORT);
    assert.equal(await cache.touch('k', '1h'), true);
    await pass(cache, SHORT_MS);
    assert.deepEqual(await cache.get('k'), { v: 1 });
    assert.equal(await cache.touch('k', 'forever'), true);
    assert.equal(await cache.ttl('k'), Infinity);
    assert.equal(await cache.touch('k'), true);
    assert.ok(lives(await cache.ttl('k'), 3600));
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.touch('k', '1h'), false);
  });

  check('touch can shorten a life', async (cache) => {
    await cache.put('k', 'v', 'forever');
    assert.equal(await cache.touch('k', SHORT), true);
    await pass(cache, SHORT_MS);
    assert.equal(await cache.get('k'), null);
  });

  check('the remaining life shrinks as time passes', async (cache) => {
    await cache.put('k', 'v', '1h');
    await cache.put('endless', 'v', Infinity);
    await pass(cache, 100);
    const left = await cache.ttl('k');
    assert.ok(left <= 3599.9 && left > 3590, String(left));
    assert.equal(await cache.ttl('endless'), Infinity);
  });

  check('reading a value does not lengthen its life', async (cache) => {
    await cache.put('k', 'v', SHORT);
    await pass(cache, SHORT_MS / 2);
    await cache.get('k');
    await cache.has('k');
    await cache.many(['k']);
    await cache.remember('k', '1h', () => 'other');
    await pass(cache, SHORT_MS / 2);
    assert.equal(await cache.get('k'), null);
  });

  check('a life longer than any calendar is a life, not an error', async (cache) => {
    for (const ttl of [Number.MAX_SAFE_INTEGER, 1e300, Number.MAX_VALUE, '10000w']) {
      await cache.put('k', 'v', ttl);
      assert.equal(await cache.get('k'), 'v', String(ttl));
      assert.ok((await cache.ttl('k')) > 6e9, String(ttl));
    }
  });

  check('defaultTtl is the life of what does not say', { defaultTtl: '10m' }, async (cache) => {
    await cache.put('put', 1);
    await cache.remember('remember', () => 1);
    await cache.increment('counter');
    await cache.put('other', 1, '1m');
    for (const key of ['put', 'remember', 'counter']) assert.ok(lives(await cache.ttl(key), 600), key);
    assert.ok(lives(await cache.ttl('other'), 60));
  });

  check('config.defaultTtl is honoured', { config: { defaultTtl: '2m' } }, async (cache) => {
    await cache.put('k', 1);
    assert.ok(lives(await cache.ttl('k'), 120));
  });

  check(
    'config.defaultTtl wins over defaultTtl',
    { defaultTtl: '10m', config: { defaultTtl: Infinity } },
    async (cache) => {
      await cache.put('k', 1);
      assert.equal(await cache.ttl('k'), Infinity);
    },
  );

  if (able.manualClock) {
    check('a value is there until the last millisecond, and then not', async (cache) => {
      await cache.put('k', 'v', '1s');
      cache.clock.advance('999ms');
      assert.equal(await cache.get('k'), 'v');
      assert.equal(await cache.ttl('k'), 0.001);
      cache.clock.advance('1ms');
      assert.equal(await cache.get('k'), null);
      assert.equal(await cache.ttl('k'), null);
    });

    check('a fraction of a second counts to the millisecond', async (cache) => {
      await cache.put('k', 'v', 0.005);
      cache.clock.advance(0.004);
      assert.equal(await cache.has('k'), true);
      cache.clock.advance(0.001);
      assert.equal(await cache.has('k'), false);
    });

    check('a manual clock stands still until it is moved', async (cache) => {
      const before = cache.clock.now();
      await cache.put('k', 'v', '1ms');
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
      assert.equal(cache.clock.now(), before);
      assert.equal(await cache.get('k'), 'v');
      cache.clock.advance('1w');
      assert.equal(cache.clock.now(), before + 604_800_000);
      assert.equal(await cache.get('k'), null);
    });

    check('what lives for ever outlives every other', async (cache) => {
      await cache.put('k', 'v', 'forever');
      await cache.rememberForever('r', () => 'w');
      for (let year = 0; year < 30; year += 1) cache.clock.advance('52w');
      assert.equal(await cache.get('k'), 'v');
      assert.equal(await cache.get('r'), 'w');
    });
  }
}

module.exports = { title: 'lives', suite };
