'use strict';

const assert = require('node:assert/strict');
const { rejects } = require('../support/errors.js');

const LARGEST = Number.MAX_SAFE_INTEGER;

function suite({ check, lives, pass }) {
  check('a missing counter starts at 0', async (cache) => {
    assert.equal(await cache.increment('up'), 1);
    assert.equal(await cache.decrement('down'), -1);
    assert.equal(await cache.increment('by', 5), 5);
    assert.equal(await cache.decrement('less', 5), -5);
    assert.equal(await cache.increment('nothing', 0), 0);
  });

  check('get reads a counter as a number', async (cache) => {
    await cache.increment('n');
    await cache.increment('n', 2);
    assert.equal(await cache.get('n'), 3);
    assert.equal(await cache.has('n'), true);
    assert.equal((await cache.many(['n'])).get('n'), 3);
    assert.equal(await cache.pull('n'), 3);
    assert.equal(await cache.increment('n'), 1);
  });

  check('a number that was put is a counter', async (cache) => {
    await cache.put('n', 10);
    assert.equal(await cache.increment('n'), 11);
    assert.equal(await cache.decrement('n', 4), 7);
    assert.equal(await cache.get('n'), 7);
    await cache.add('added', 1.5);
    assert.equal(await cache.increment('added', 0.25), 1.75);
    await cache.remember('remembered', () => 100);
    assert.equal(await cache.decrement('remembered'), 99);
  });

  check('a counter can be written over', async (cache) => {
    await cache.increment('n', 5);
    await cache.put('n', 'text');
    assert.equal(await cache.get('n'), 'text');
    await cache.put('n', -3);
    assert.equal(await cache.increment('n'), -2);
  });

  check('steps may be negative and fractions', async (cache) => {
    assert.equal(await cache.increment('n', 1.5), 1.5);
    assert.equal(await cache.increment('n', -0.25), 1.25);
    assert.equal(await cache.decrement('n', -0.5), 1.75);
    assert.equal(await cache.decrement('n', 1.75), 0);
    assert.equal(await cache.get('n'), 0);
    assert.equal(await cache.increment('n', 3), 3);
    await cache.put('tenth', 0.1);
    assert.equal(await cache.increment('tenth', 0.2), 0.1 + 0.2);
    assert.equal(await cache.get('tenth'), 0.1 + 0.2);
  });

  check('concurrent steps all count', async (cache) => {
    const results = await Promise.all(Array.from({ length: 100 }, () => cache.increment('n')));
    assert.deepEqual(
      results.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    await Promise.all(Array.from({ length: 40 }, () => cache.decrement('n', 2)));
    assert.equal(await cache.get('n'), 20);
  });

  check('the TTL is set when the counter is created and kept by later steps', async (cache) => {
    await cache.increment('n', 1, '10m');
    await cache.increment('n', 1, '1w');
    await cache.decrement('n', 1);
    assert.ok(lives(await cache.ttl('n'), 600));
    await cache.put('put', 1, Infinity);
    await cache.increment('put', 1, '5s');
    assert.equal(await cache.ttl('put'), Infinity);
    await cache.increment('default');
    assert.ok(lives(await cache.ttl('default'), 3600));
  });

  check('a counter ends when its life does, however often it is stepped', async (cache) => {
    await cache.increment('n', 1, 0.2);
    await pass(cache, 100);
    assert.equal(await cache.increment('n', 1, 0.2), 2);
    await pass(cache, 100);
    assert.equal(await cache.get('n'), null);
    assert.equal(await cache.increment('n'), 1);
  });

  const notNumbers = {
    'a string': 'text',
    'a string of digits': '5',
    'the empty string': '',
    null: null,
    undefined,
    true: true,
    NaN,
    'a BigInt': 5n,
    'an object': { n: 1 },
    'an array': [1],
    'a Date': new Date(0),
    'a Buffer': Buffer.from('5'),
  };
  for (const [name, value] of Object.entries(notNumbers)) {
    check(`stepping ${name} rejects and leaves it as it is`, async (cache) => {
      await cache.put('k', value, Infinity);
      await rejects(() => cache.increment('k'), 'CACHE_NOT_A_NUMBER');
      await rejects(() => cache.decrement('k', 2), 'CACHE_NOT_A_NUMBER');
      assert.deepEqual(await cache.get('k'), value);
      assert.equal(await cache.ttl('k'), Infinity);
    });
  }

  check('a counter never leaves what a number can count exactly', async (cache) => {
    await cache.put('high', LARGEST - 1);
    assert.equal(await cache.increment('high'), LARGEST);
    await rejects(() => cache.increment('high'), 'CACHE_NUMBER_RANGE');
    await rejects(() => cache.increment('high', LARGEST), 'CACHE_NUMBER_RANGE');
    assert.equal(await cache.get('high'), LARGEST);
    assert.equal(await cache.decrement('high'), LARGEST - 1);

    await cache.put('low', -LARGEST + 1);
    assert.equal(await cache.decrement('low'), -LARGEST);
    await rejects(() => cache.decrement('low'), 'CACHE_NUMBER_RANGE');
    assert.equal(await cache.get('low'), -LARGEST);

    await rejects(() => cache.increment('new', 2 ** 53), 'CACHE_NUMBER_RANGE');
    await rejects(() => cache.increment('new', 1e300), 'CACHE_NUMBER_RANGE');
    assert.equal(await cache.has('new'), false);
    await cache.put('beyond', 2 ** 60);
    await rejects(() => cache.increment('beyond'), 'CACHE_NUMBER_RANGE');
    assert.equal(await cache.get('beyond'), 2 ** 60);
  });

  check('an infinite value cannot be stepped', async (cache) => {
    await cache.put('n', Infinity);
    await rejects(() => cache.increment('n'), ['CACHE_NOT_A_NUMBER', 'CACHE_NUMBER_RANGE']);
    assert.equal(await cache.get('n'), Infinity);
  });

  for (const step of [NaN, Infinity, -Infinity, '1', null, {}, 1n, Symbol('s'), () => 1]) {
    const shown = typeof step === 'string' ? `'${step}'` : `${typeof step} ${String(step)}`;
    check(`a step of ${shown} rejects and counts nothing`, async (cache) => {
      await cache.put('n', 5);
      await rejects(() => cache.increment('n', step), 'CACHE_INVALID_ARGUMENT', /step/i);
      await rejects(() => cache.decrement('n', step), 'CACHE_INVALID_ARGUMENT', /step/i);
      await rejects(() => cache.increment('new', step), 'CACHE_INVALID_ARGUMENT', /step/i);
      assert.equal(await cache.get('n'), 5);
      assert.equal(await cache.has('new'), false);
    });
  }
}

module.exports = { title: 'counters', suite };
