'use strict';

const assert = require('node:assert/strict');
const { cacheError, rejects } = require('../support/errors.js');

function suite({ check, lives }) {
  check('remember computes a missing value once and then reads it', async (cache) => {
    let runs = 0;
    const factory = () => {
      runs += 1;
      return { runs };
    };
    assert.deepEqual(await cache.remember('k', '1h', factory), { runs: 1 });
    assert.deepEqual(await cache.remember('k', '1h', factory), { runs: 1 });
    assert.deepEqual(await cache.get('k'), { runs: 1 });
    assert.equal(runs, 1);
  });

  check('remember takes a factory, a TTL and a factory, or options and a factory', async (cache) => {
    assert.equal(await cache.remember('a', () => 1), 1);
    assert.equal(await cache.remember('b', '10m', async () => 2), 2);
    assert.equal(await cache.remember('c', { ttl: '20m', tags: ['t'] }, async () => 3), 3);
    assert.equal(await cache.remember('d', null, () => 4), 4);
    assert.equal(await cache.remember('e', undefined, () => 5), 5);
    assert.equal(await cache.remember('f', {}, () => 6), 6);
    const lifetimes = { a: 3600, b: 600, c: 1200, d: 3600, e: 3600, f: 3600 };
    for (const [key, seconds] of Object.entries(lifetimes)) {
      assert.ok(lives(await cache.ttl(key), seconds), key);
    }
  });

  check('rememberForever stores a value that has no end', async (cache) => {
    assert.equal(await cache.rememberForever('k', async () => 'v'), 'v');
    assert.equal(await cache.ttl('k'), Infinity);
    assert.equal(await cache.rememberForever('k', () => assert.fail('it ran again')), 'v');
    assert.equal(await cache.tags(['t']).rememberForever('tagged', () => 'w'), 'w');
    assert.equal(await cache.ttl('tagged'), Infinity);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('tagged'), null);
  });

  check('remember does not run the factory where a value is stored', async (cache) => {
    await cache.put('k', 'stored');
    assert.equal(await cache.remember('k', () => assert.fail('it ran')), 'stored');
  });

  for (const value of [null, undefined, 0, -0, NaN, false, '', 0n, [], {}]) {
    const shown = Object.is(value, -0) ? '-0' : typeof value === 'bigint' ? '0n' : JSON.stringify(value);
    check(`a factory that returns ${shown ?? 'undefined'} is not run again`, async (cache) => {
      let runs = 0;
      const factory = async () => {
        runs += 1;
        return value;
      };
      assert.deepEqual(await cache.remember('k', factory), value);
      assert.deepEqual(await cache.remember('k', factory), value);
      assert.equal(runs, 1);
      assert.equal(await cache.has('k'), true);
    });
  }

  check('a factory learns its key, without the prefix', { prefix: 'app:' }, async (cache) => {
    await cache.remember('k', (context) => assert.equal(context.key, 'k'));
    assert.equal(await cache.has('k'), true);
    await cache.namespace('ns').remember('n', (context) => assert.equal(context.key, 'n'));
    assert.equal(await cache.has('ns:n'), true);
  });

  check('a factory receives a signal that is not aborted', async (cache) => {
    await cache.remember('k', (context) => {
      assert.ok(context.signal instanceof AbortSignal);
      assert.equal(context.signal.aborted, false);
      const { signal } = context;
      assert.equal(signal, context.signal);
      assert.equal(new Proxy(context, {}).signal, signal);
    });
  });

  check('a factory can say how long its value lives', async (cache) => {
    await cache.remember('k', '1h', async (context) => {
      await null;
      context.setTtl('5m');
      return 'v';
    });
    assert.ok(lives(await cache.ttl('k'), 300));
    await cache.remember('none', '1h', (context) => {
      context.setTtl(0);
      return 'v';
    });
    assert.equal(await cache.has('none'), false);
  });

  check('a factory can say which tags its value has, instead of those declared', async (cache) => {
    await cache.remember('k', { tags: ['declared'] }, async (context) => {
      await null;
      context.setTags(['late']);
      return 'v';
    });
    await cache.tags(['declared']).flush();
    assert.equal(await cache.get('k'), 'v');
    await cache.tags(['late']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('a factory that skips hands its value over and stores nothing', async (cache) => {
    let runs = 0;
    const factory = (context) => {
      runs += 1;
      context.skip();
      return `run ${runs}`;
    };
    assert.equal(await cache.remember('k', factory), 'run 1');
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.remember('k', factory), 'run 2');
  });

  check(
    'what a factory throws reaches the caller as the same object, and nothing is stored',
    async (cache) => {
      const thrown = Object.assign(new TypeError('from the factory'), { detail: 1 });
      const failing = [
        () => {
          throw thrown;
        },
        async () => {
          throw thrown;
        },
        () => Promise.reject(thrown),
      ];
      for (const factory of failing) {
        await assert.rejects(cache.remember('k', factory), (error) => {
          assert.equal(error, thrown);
          return true;
        });
        assert.equal(await cache.has('k'), false);
      }
      assert.equal(thrown.message, 'from the factory');
      assert.equal(await cache.remember('k', () => 'next'), 'next');
    },
  );

  check(
    'a factory that rejects with no Error gives one, with what it rejected as the cause',
    async (cache) => {
      for (const reason of ['text', 42, null, undefined, { code: 1 }, Symbol('s')]) {
        const seen = await cache.remember('k', () => Promise.reject(reason)).catch((error) => error);
        assert.ok(cacheError('CACHE_FACTORY')(seen));
        assert.equal(seen.cause, reason);
        assert.ok('cause' in seen);
        assert.equal(await cache.has('k'), false);
      }
    },
  );

  check('a factory whose value cannot be stored rejects its caller and keeps nothing', async (cache) => {
    await rejects(() => cache.remember('k', () => () => 1), 'CACHE_INVALID_VALUE');
    await rejects(() => cache.remember('k', () => Symbol('s')), 'CACHE_INVALID_VALUE');
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.remember('k', () => 'good'), 'good');
  });

  check('a factory may use the cache', async (cache) => {
    const total = await cache.remember('total', async () => {
      await cache.put('part:1', 1);
      const second = await cache.remember('part:2', async () => 2);
      return (await cache.get('part:1')) + second;
    });
    assert.equal(total, 3);
    assert.equal(await cache.get('total'), 3);
    assert.equal(await cache.get('part:2'), 2);
  });

  check("tags given to tags() and in the options are both the value's", async (cache) => {
    for (const tag of ['outer', 'inner']) {
      await cache.tags(['outer']).remember('k', { tags: ['inner'] }, () => tag);
      assert.equal(await cache.get('k'), tag);
      await cache.tags([tag]).flush();
      assert.equal(await cache.get('k'), null, tag);
    }
  });

  check('the value handed over is what a later read gives', async (cache) => {
    const made = () => ({ at: new Date(0), f() {}, nested: { list: [1, undefined], set: new Set([1]) } });
    const first = await cache.remember('k', made);
    assert.deepEqual(await cache.remember('k', made), {
      at: new Date(0),
      nested: { list: [1, undefined], set: new Set([1]) },
    });
    assert.deepEqual(first.nested, { list: [1, undefined], set: new Set([1]) });
  });
}

module.exports = { title: 'remember', suite };
