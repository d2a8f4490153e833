'use strict';

const assert = require('node:assert/strict');
const fc = require('fast-check');
const { fuzz } = require('../support/fuzz.js');
const { same } = require('../support/same.js');

/**
 * Anything the cache promises to give back: JSON, and what superjson adds. No invalid Dates:
 * `deepStrictEqual` of Node 20 takes two of them for different.
 */
const rich = fc.anything({
  maxDepth: 4,
  values: [
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.string(),
    fc.constantFrom(null, undefined, NaN, -0),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
  ],
  withMap: true,
  withSet: true,
  withTypedArray: true,
});

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));

function suite({ check }) {
  check('any JSON value comes back as it was', async (cache) => {
    const property = fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), async (value) => {
      await cache.put('k', value);
      same(await cache.get('k'), value);
    });
    await fuzz(property, { numRuns: 300 });
  });

  check('any value of the promised types comes back as it was', async (cache) => {
    const property = fc.asyncProperty(rich, async (value) => {
      await cache.put('k', value);
      same(await cache.get('k'), value);
    });
    await fuzz(property, { numRuns: 300 });
  });

  check('any text comes back as it was, as a key and as a value', async (cache) => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const surrogates = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units));
    const property = fc.asyncProperty(text, fc.oneof(text, surrogates), async (key, value) => {
      await cache.put(key, value);
      assert.equal(await cache.get(key), value);
      same((await cache.many([key])).get(key), value);
      await cache.put(key, { [value]: value });
      same(await cache.get(key), { [value]: value });
      assert.equal(await cache.forget(key), true);
    });
    await fuzz(property, { numRuns: 200 });
  });

  check('any number comes back as it was, and is a counter where it can be', async (cache) => {
    const property = fc.asyncProperty(fc.double(), fc.integer(), async (value, step) => {
      await cache.put('k', value);
      assert.ok(Object.is(await cache.get('k'), value));
      const outcome = await cache.increment('k', step).catch((error) => error.code);
      const sum = value + step;
      if (Math.abs(sum) <= Number.MAX_SAFE_INTEGER && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
        assert.equal(outcome, sum + 0);
        assert.equal(await cache.get('k'), sum + 0);
      } else {
        assert.ok(['CACHE_NUMBER_RANGE', 'CACHE_NOT_A_NUMBER'].includes(outcome), String(outcome));
        assert.ok(Object.is(await cache.get('k'), value));
      }
    });
    await fuzz(property, { numRuns: 300 });
  });

  check('any Buffer comes back as it was, wherever it is', async (cache) => {
    const property = fc.asyncProperty(bytes, fc.jsonValue({ maxDepth: 2 }), async (buffer, value) => {
      await cache.put('k', buffer);
      same(await cache.get('k'), buffer);
      await cache.put('k', { buffer, value, list: [buffer, value] });
      same(await cache.get('k'), { buffer, value, list: [buffer, value] });
    });
    await fuzz(property, { numRuns: 100 });
  });
}

module.exports = { title: 'values, at random', suite };
