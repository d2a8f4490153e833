'use strict';

const assert = require('node:assert/strict');

function suite({ check }) {
  check('a key that was never written is null, and has no value', async (cache) => {
    assert.equal(await cache.get('missing'), null);
    assert.equal(await cache.has('missing'), false);
    assert.equal(await cache.pull('missing'), null);
    assert.equal(await cache.ttl('missing'), null);
    assert.equal(await cache.forget('missing'), false);
  });

  check('what was put is read back', async (cache) => {
    assert.equal(await cache.put('user', { name: 'John' }), undefined);
    assert.deepEqual(await cache.get('user'), { name: 'John' });
    assert.equal(await cache.has('user'), true);
  });

  check('a later put replaces the earlier one', async (cache) => {
    await cache.put('k', { long: 'x'.repeat(1000) });
    await cache.put('k', 2);
    assert.equal(await cache.get('k'), 2);
  });

  check('set stores and resolves to true', async (cache) => {
    assert.equal(await cache.set('k', 'v'), true);
    assert.equal(await cache.get('k'), 'v');
    assert.equal(await cache.set('k', 'w'), true);
    assert.equal(await cache.get('k'), 'w');
  });

  check('forget removes the key and says whether it held a value', async (cache) => {
    await cache.put('k', 'v');
    await cache.put('other', 'kept');
    assert.equal(await cache.forget('k'), true);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.forget('k'), false);
    assert.equal(await cache.get('other'), 'kept');
  });

  check('delete is forget', async (cache) => {
    await cache.put('k', 'v');
    assert.equal(await cache.delete('k'), true);
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.delete('k'), false);
  });

  check('a stored null and a stored undefined are values', async (cache) => {
    await cache.put('null', null);
    await cache.put('undefined', undefined);
    assert.equal(await cache.has('null'), true);
    assert.equal(await cache.has('undefined'), true);
    assert.equal(await cache.get('null'), null);
    assert.equal(await cache.get('undefined'), undefined);
    assert.equal(await cache.add('null', 'x'), false);
    assert.equal(await cache.add('undefined', 'x'), false);
    assert.equal(await cache.forget('null'), true);
    assert.equal(await cache.forget('undefined'), true);
  });

  check('pull takes the value out', async (cache) => {
    await cache.put('k', [1, 2]);
    assert.deepEqual(await cache.pull('k'), [1, 2]);
    assert.equal(await cache.has('k'), false);
    assert.equal(await cache.pull('k'), null);
  });

  check('of concurrent pulls exactly one gets the value', async (cache) => {
    await cache.put('k', 'once');
    const results = await Promise.all(Array.from({ length: 20 }, () => cache.pull('k')));
    assert.deepEqual(
      results.filter((value) => value !== null),
      ['once'],
    );
  });

  check('add stores only where there is no value', async (cache) => {
    assert.equal(await cache.add('k', 'first'), true);
    assert.equal(await cache.add('k', 'second'), false);
    assert.equal(await cache.get('k'), 'first');
    await cache.forget('k');
    assert.equal(await cache.add('k', 'third'), true);
    assert.equal(await cache.get('k'), 'third');
  });

  check('of concurrent adds exactly one stores, and it is the one that said so', async (cache) => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => cache.add('k', i)));
    assert.equal(results.filter(Boolean).length, 1);
    assert.equal(await cache.get('k'), results.indexOf(true));
  });

  check('an add that does not store keeps the value, its life and its tags', async (cache) => {
    await cache.tags(['t']).put('k', 'v', Infinity);
    assert.equal(await cache.tags(['u']).add('k', 'w', '5s'), false);
    assert.equal(await cache.ttl('k'), Infinity);
    await cache.tags(['u']).flush();
    assert.equal(await cache.get('k'), 'v');
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('operations on one key take effect in the order issued', async (cache) => {
    const results = await Promise.all([
      cache.get('k'),
      cache.put('k', 1),
      cache.get('k'),
      cache.put('k', 2),
      cache.has('k'),
      cache.get('k'),
      cache.add('k', 3),
      cache.pull('k'),
      cache.get('k'),
      cache.add('k', 4),
      cache.forget('k'),
      cache.has('k'),
      cache.increment('k'),
      cache.increment('k', 2),
      cache.get('k'),
      cache.tags(['t']).put('k', 5),
      cache.get('k'),
      cache.touch('k', 0),
      cache.get('k'),
    ]);
    assert.deepEqual(results, [
      ...[null, undefined, 1, undefined, true, 2],
      ...[false, 2, null, true, true, false],
      ...[1, 3, 3, undefined, 5, true, null],
    ]);
  });

  check('many keys keep their own values', async (cache) => {
    const keys = Array.from({ length: 500 }, (_, i) => `key:${i}`);
    await Promise.all(keys.map((key, i) => cache.put(key, { i })));
    const values = await Promise.all(keys.map((key) => cache.get(key)));
    assert.deepEqual(
      values,
      keys.map((_, i) => ({ i })),
    );
  });

  check('methods answer with promises, whatever the result', async (cache) => {
    for (const call of [
      cache.get('k'),
      cache.put('k', 1),
      cache.get('k'),
      cache.has('k'),
      cache.forget('k'),
    ]) {
      assert.ok(call instanceof Promise);
      await call;
    }
  });
}

module.exports = { title: 'get, put, add, pull, forget', suite };
