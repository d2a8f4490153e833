'use strict';

const assert = require('node:assert/strict');
const { rejects } = require('../support/errors.js');
const { record } = require('../support/events.js');
const { turns } = require('../support/deferred.js');

function suite({ able, check, lives, pass }) {
  check('many gives a Map in the order asked, with null where there is no value', async (cache) => {
    await cache.putMany({ a: 1, b: null, c: undefined });
    const result = await cache.many(['c', 'x', 'a', 'b']);
    assert.ok(result instanceof Map);
    assert.deepEqual(
      [...result],
      [
        ['c', undefined],
        ['x', null],
        ['a', 1],
        ['b', null],
      ],
    );
  });

  check('many takes any iterable of keys, and a key may be asked for twice', async (cache) => {
    await cache.putMany({ a: 1, b: 2 });
    const expected = new Map([
      ['a', 1],
      ['b', 2],
    ]);
    assert.deepEqual(await cache.many(new Set(['a', 'b'])), expected);
    assert.deepEqual(await cache.many(expected.keys()), expected);
    assert.deepEqual(
      await cache.many(
        (function* keys() {
          yield 'a';
          yield 'b';
        })(),
      ),
      expected,
    );
    assert.deepEqual(await cache.many(['a', 'b', 'a']), expected);
    assert.deepEqual(await cache.many([]), new Map());
  });

  check('putMany takes a Map, an object, or any iterable of pairs', async (cache) => {
    assert.equal(await cache.putMany(new Map([['map', 1]])), undefined);
    await cache.putMany({ object: 2, '': 3 });
    await cache.putMany([
      ['array', 4],
      ['twice', 5],
      ['twice', 6],
    ]);
    await cache.putMany(
      (function* pairs() {
        yield ['generator', 7];
      })(),
    );
    await cache.putMany([]);
    await cache.putMany({});
    await cache.putMany(JSON.parse('{"__proto__": 8}'));
    const keys = ['map', 'object', '', 'array', 'twice', 'generator', '__proto__'];
    assert.deepEqual([...(await cache.many(keys)).values()], [1, 2, 3, 4, 6, 7, 8]);
  });

  check('putMany gives all the same life', async (cache) => {
    await cache.putMany({ a: 1, b: 2 }, '5m');
    await cache.putMany({ c: 3 });
    assert.ok(lives(await cache.ttl('a'), 300));
    assert.ok(lives(await cache.ttl('b'), 300));
    assert.ok(lives(await cache.ttl('c'), 3600));
    await cache.putMany({ a: 1 }, 0.1);
    await pass(cache, 100);
    assert.equal(await cache.has('a'), false);
    assert.equal(await cache.has('b'), true);
  });

  check('forgetMany removes all and counts those that held a value', async (cache) => {
    await cache.putMany({ a: 1, b: null, c: 3 });
    assert.equal(await cache.forgetMany(['a', 'b', 'x', 'a']), 2);
    assert.equal(await cache.forgetMany(['a', 'b']), 0);
    assert.equal(await cache.forgetMany([]), 0);
    assert.equal(await cache.forgetMany(new Set(['c'])), 1);
    assert.equal(await cache.has('c'), false);
  });

  check('nothing of putMany is stored if one value or key is bad', async (cache) => {
    await cache.put('a', 'stored');
    await rejects(() => cache.putMany({ a: 1, b: () => 1 }), 'CACHE_INVALID_VALUE');
    await rejects(() => cache.putMany({ a: 1, b: Symbol('s') }), 'CACHE_INVALID_VALUE');
    await rejects(
      () =>
        cache.putMany([
          ['a', 1],
          [5, 1],
        ]),
      'CACHE_INVALID_KEY',
    );
    await rejects(() => cache.putMany({ a: 1, b: 2 }, 'abc'), 'CACHE_INVALID_TTL');
    await rejects(() => cache.tags(['']).putMany({ a: 1 }), 'CACHE_INVALID_TAG');
    assert.equal(await cache.get('a'), 'stored');
    assert.equal(await cache.has('b'), false);
  });

  check('nothing is read or removed if one key is bad', async (cache) => {
    await cache.put('a', 1);
    await rejects(() => cache.many(['a', 5]), 'CACHE_INVALID_KEY');
    await rejects(() => cache.forgetMany(['a', 5]), 'CACHE_INVALID_KEY');
    assert.equal(await cache.get('a'), 1);
  });

  check('what is no iterable is refused', async (cache) => {
    for (const bad of [undefined, null, 5, true, Symbol('s')]) {
      await rejects(() => cache.many(bad), 'CACHE_INVALID_ARGUMENT');
      await rejects(() => cache.forgetMany(bad), 'CACHE_INVALID_ARGUMENT');
      await rejects(() => cache.putMany(bad), 'CACHE_INVALID_ARGUMENT');
    }
    for (const bad of [{}, () => 1]) {
      await rejects(() => cache.many(bad), 'CACHE_INVALID_ARGUMENT');
      await rejects(() => cache.forgetMany(bad), 'CACHE_INVALID_ARGUMENT');
    }
    for (const bad of [[5], ['ab'], [null], [undefined]]) {
      await rejects(() => cache.putMany(bad), ['CACHE_INVALID_ARGUMENT', 'CACHE_INVALID_KEY']);
    }
  });

  check('an iterator that throws rejects with what it threw, and nothing is stored', async (cache) => {
    const thrown = new Error('from the iterator');
    const failing = function* failing() {
      yield ['a', 1];
      throw thrown;
    };
    await assert.rejects(cache.putMany(failing()), (error) => error === thrown || error.cause === thrown);
    assert.equal(await cache.has('a'), false);
  });

  check('ten thousand keys at once', async (cache) => {
    const keys = Array.from({ length: 10_000 }, (_, i) => `key ${i}`);
    await cache.putMany(new Map(keys.map((key, i) => [key, i])));
    const read = await cache.many(keys);
    assert.equal(read.size, 10_000);
    let i = 0;
    for (const value of read.values()) {
      assert.equal(value, i);
      i += 1;
    }
    assert.equal(await cache.forgetMany(keys), 10_000);
    assert.equal(await cache.forgetMany(keys), 0);
  });

  check("values read by many are the caller's own", async (cache) => {
    await cache.put('k', { list: [1] });
    const { list } = (await cache.many(['k'])).get('k');
    if (able.frozen) assert.throws(() => list.push(2), TypeError);
    else list.push(2);
    assert.deepEqual(await cache.get('k'), { list: [1] });
  });

  check('each key of many and putMany has its events', async (cache) => {
    const seen = record(cache, 'write', 'hit', 'miss', 'delete');
    await cache.putMany({ a: 1, b: 2 });
    await cache.many(['a', 'x']);
    await cache.forgetMany(['a', 'b']);
    await turns();
    assert.deepEqual(seen.map(({ event, key }) => `${event} ${key}`).sort(), [
      'delete a',
      'delete b',
      'hit a',
      'miss x',
      'write a',
      'write b',
    ]);
  });
}

module.exports = { title: 'many at once', suite };
