'use strict';

// Guarantee 6: a value read is the caller's own.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../../index.js');
const { gate } = require('../support/deferred.js');
require('../support/alive.js');

const LIMIT = { timeout: 10_000 };

const makers = {
  'a plain object': () => ({ n: 1, nested: { list: [1, 2] } }),
  'an array': () => [{ n: 1 }, [2]],
  'a Map': () => new Map([['k', { n: 1 }]]),
  'a Set': () => new Set([1]),
  'a Date': () => new Date(0),
  'a Buffer': () => Buffer.from('abc'),
  'a Buffer of 100 KB': () => Buffer.alloc(100_000, 'ab'),
  'a Buffer inside': () => ({ b: Buffer.from('abc') }),
  'a typed array': () => new Uint8Array([1, 2]),
  'a circular object': () => {
    const value = { n: 1 };
    value.self = value;
    return value;
  },
};

/** Changes a value in every place that it has. */
function spoil(value) {
  if (Array.isArray(value)) {
    value.forEach((item) => typeof item === 'object' && spoil(item));
    value.push('spoilt');
  } else if (value instanceof Map) {
    value.get('k').n = 'spoilt';
    value.set('spoilt', true);
  } else if (value instanceof Set) value.add('spoilt');
  else if (value instanceof Date) value.setTime(1);
  else if (ArrayBuffer.isView(value)) value.fill(0);
  else {
    for (const item of Object.values(value)) {
      if (typeof item === 'object' && item !== value) spoil(item);
    }
    value.spoilt = true;
  }
}

for (const [name, make] of Object.entries(makers)) {
  describe(`${name} in the cache is out of reach`, () => {
    const unspoilt = async (cache) => assert.deepStrictEqual(await cache.get('k'), make());

    test('changing what was put changes nothing stored', LIMIT, async () => {
      const cache = new Cache();
      for (const put of [
        (value) => cache.put('k', value),
        (value) => cache.set('k', value),
        (value) => cache.putMany({ k: value }),
        (value) => cache.tags(['t']).put('k', value),
      ]) {
        const value = make();
        const promise = put(value);
        spoil(value);
        await promise;
        spoil(value);
        await unspoilt(cache);
      }
      await cache.forget('k');
      const value = make();
      const promise = cache.add('k', value);
      spoil(value);
      await promise;
      await unspoilt(cache);
      await cache.close();
    });

    test('changing what was read changes nothing stored, nor what another reader has', LIMIT, async () => {
      const cache = new Cache();
      await cache.put('k', make());
      const reads = [
        () => cache.get('k'),
        async () => (await cache.many(['k'])).get('k'),
        () => cache.remember('k', () => assert.fail('it ran')),
        () => cache.tags(['t']).get('k'),
      ];
      for (const read of reads) {
        const [first, second] = await Promise.all([read(), read()]);
        assert.notEqual(first, second);
        spoil(first);
        assert.deepStrictEqual(second, make());
        await unspoilt(cache);
      }
      await cache.close();
    });

    test('leader and waiters of a flight each have their own', LIMIT, async () => {
      const cache = new Cache();
      const factory = gate();
      const calls = Array.from({ length: 3 }, () => cache.remember('k', factory));
      await factory.started;
      const made = make();
      factory.resolve(made);
      const values = await Promise.all(calls);
      for (const [i, value] of values.entries()) {
        spoil(value);
        for (const later of values.slice(i + 1)) assert.deepStrictEqual(later, make());
        await unspoilt(cache);
      }
      spoil(made);
      await unspoilt(cache);
      await cache.close();
    });

    test('leader and waiters of a flight that stores nothing each have their own', LIMIT, async () => {
      const cache = new Cache();
      for (const prevent of [(context) => context.skip(), () => cache.forget('k')]) {
        const factory = gate();
        const calls = Array.from({ length: 3 }, () => cache.remember('k', factory));
        await prevent(await factory.started);
        factory.resolve(make());
        const values = await Promise.all(calls);
        for (const [i, value] of values.entries()) {
          spoil(value);
          for (const later of values.slice(i + 1)) assert.deepStrictEqual(later, make());
        }
        assert.equal(await cache.has('k'), false);
      }
      await cache.close();
    });

    test("a value served in grace is the caller's own", LIMIT, async () => {
      const cache = new Cache({ clock: 'manual' });
      cache.on('error', () => {});
      const options = { ttl: '1s', grace: '1h' };
      await cache.remember('k', options, make);
      cache.clock.advance('2s');
      const failing = () => Promise.reject(new Error('down'));
      const [first, second] = await Promise.all([
        cache.remember('k', options, failing),
        cache.remember('k', options, failing),
      ]);
      spoil(first);
      assert.deepStrictEqual(second, make());
      assert.deepStrictEqual(await cache.remember('k', options, failing), make());
      await cache.close();
    });
  });
}
