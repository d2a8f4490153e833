'use strict';

const assert = require('node:assert/strict');
const { gate } = require('../support/deferred.js');
const { next, record } = require('../support/events.js');
const { cacheError } = require('../support/errors.js');

const once = { maxRetries: 0 };

async function listed(cache) {
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  return keys.sort();
}

function suite({ check, lives }) {
  check('a namespace is the part of the cache under its name', async (cache) => {
    const users = cache.namespace('users');
    assert.equal(users.name, 'users');
    await users.put('1', 'John');
    assert.equal(await users.get('1'), 'John');
    assert.equal(await cache.get('users:1'), 'John');
    assert.equal(await cache.get('1'), null);
    await cache.put('users:2', 'Jane');
    assert.equal(await users.get('2'), 'Jane');
    assert.equal(await users.get('users:1'), null);
  });

  check('a namespace in a namespace has both names, parents first', async (cache) => {
    const inner = cache.namespace('a').namespace('b');
    assert.equal(inner.name, 'a:b');
    await inner.put('c', 1);
    assert.equal(await cache.get('a:b:c'), 1);
    assert.equal(await cache.namespace('a:b').get('c'), 1);
    assert.equal(await cache.namespace('a').get('b:c'), 1);
  });

  check('two namespaces of one name are one', async (cache) => {
    await cache.namespace('n').put('k', 1);
    assert.equal(await cache.namespace('n').get('k'), 1);
  });

  check('every operation of a namespace stays in it', async (cache) => {
    const ns = cache.namespace('ns');
    for (const key of ['a', 'b', 'n', 'r']) await cache.put(key, 'outside');
    assert.equal(await ns.has('a'), false);
    assert.equal(await ns.add('a', 1, '5m'), true);
    assert.ok(lives(await ns.ttl('a'), 300));
    assert.equal(await ns.set('b', 2), true);
    assert.equal(await ns.increment('n', 3), 3);
    assert.equal(await ns.decrement('n'), 2);
    assert.equal(await ns.remember('r', () => 'inside'), 'inside');
    assert.equal(await ns.rememberForever('f', () => 'ever'), 'ever');
    assert.deepEqual(
      await ns.many(['a', 'b', 'n', 'r', 'x']),
      new Map([
        ['a', 1],
        ['b', 2],
        ['n', 2],
        ['r', 'inside'],
        ['x', null],
      ]),
    );
    await ns.putMany({ m1: 1, m2: 2 });
    assert.equal(await cache.get('ns:m1'), 1);
    assert.equal(await ns.touch('a', 'forever'), true);
    assert.equal(await cache.ttl('ns:a'), Infinity);
    assert.equal(await ns.pull('a'), 1);
    assert.equal(await ns.forget('b'), true);
    assert.equal(await ns.delete('n'), true);
    assert.equal(await ns.forgetMany(['m1', 'm2', 'x']), 2);
    await ns.reset('r');
    assert.equal(await ns.has('r'), false);
    for (const key of ['a', 'b', 'n', 'r']) assert.equal(await cache.get(key), 'outside');
  });

  check('flush of a namespace removes that part alone', async (cache) => {
    const keys = ['n', 'n:', 'n:1', 'n:m:1', 'nn:1', 'm:n:1', 'N:1', ''];
    await cache.putMany(keys.map((key) => [key, key]));
    await cache.namespace('n').flush();
    assert.deepEqual(await listed(cache), ['', 'N:1', 'm:n:1', 'n', 'nn:1']);
    await cache.namespace('m').clear();
    assert.deepEqual(await listed(cache), ['', 'N:1', 'n', 'nn:1']);
    await cache.namespace('nn').reset();
    assert.deepEqual(await listed(cache), ['', 'N:1', 'n']);
  });

  check('a namespace with characters of a pattern flushes its own part alone', async (cache) => {
    for (const name of ['*', '?', '[a-z]', 'a*', '\\', '%', '_', '{x}']) {
      await cache.flush();
      await cache.putMany({ 'abc:1': 1, 'a:1': 2, 'x:1': 3, 1: 4, ax: 5 });
      await cache.namespace(name).put('k', 'mine');
      await cache.namespace(name).flush();
      assert.equal(await cache.namespace(name).get('k'), null, name);
      assert.deepEqual(await listed(cache), ['1', 'a:1', 'abc:1', 'ax', 'x:1'], name);
    }
  });

  check('the keys of a namespace are those that it can read', async (cache) => {
    const ns = cache.namespace('ns');
    await ns.putMany({ a: 1, 'b:c': 2 });
    await cache.put('outside', 3);
    assert.deepEqual(await listed(ns), ['a', 'b:c']);
    assert.deepEqual(await listed(cache), ['ns:a', 'ns:b:c', 'outside']);
  });

  check('a tag of a namespace reaches what was tagged through it, and nothing else', async (cache) => {
    const a = cache.namespace('a');
    const b = cache.namespace('b');
    await a.tags(['t']).put('k', 1);
    await b.tags(['t']).put('k', 2);
    await cache.tags(['t']).put('k', 3);
    await a.tags(['t']).flush();
    assert.equal(await a.get('k'), null);
    assert.equal(await b.get('k'), 2);
    assert.equal(await cache.get('k'), 3);
    await cache.tags(['t']).flush();
    assert.equal(await b.get('k'), 2);
    assert.equal(await cache.get('k'), null);
    await b.remember('late', { tags: ['u'] }, (context) => {
      context.setTags(['v']);
      return 4;
    });
    await cache.tags(['v']).flush();
    assert.equal(await b.get('late'), 4);
    await b.tags(['v']).flush();
    assert.equal(await b.get('late'), null);
  });

  check('a lock of a namespace is its own', async (cache) => {
    const a = cache.namespace('a');
    const lock = await a.lock('l');
    assert.equal(lock.acquired, true);
    assert.equal((await cache.namespace('a').lock('l', once)).acquired, false);
    const others = [await cache.lock('l', once), await cache.namespace('b').lock('l', once)];
    assert.ok(others.every(({ acquired }) => acquired));
    await a.flush();
    assert.equal((await a.lock('l', once)).acquired, false);
    assert.equal(await lock.release(), true);
    assert.equal(await a.lockAndRun('l', once, () => 'ran'), 'ran');
  });

  check('namespaces made for each call share one run of a factory', async (cache) => {
    const factory = gate();
    const calls = Array.from({ length: 20 }, () => cache.namespace('ns').remember('k', factory));
    calls.push(cache.remember('ns:k', factory));
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), Array(21).fill('v'));
    assert.equal(factory.runs, 1);
  });

  check('events name the whole key, whichever way it was reached', { prefix: 'app:' }, async (cache) => {
    const seen = record(cache, 'write', 'hit', 'miss', 'delete', 'clear');
    const ns = cache.namespace('ns');
    await ns.put('k', 1);
    await ns.get('k');
    await ns.get('missing');
    await ns.forget('k');
    const cleared = next(cache, 'clear');
    await ns.flush();
    await cleared;
    assert.deepEqual(
      seen.map(({ event, key, namespace }) => [event, key ?? namespace]),
      [
        ['write', 'ns:k'],
        ['hit', 'ns:k'],
        ['miss', 'ns:missing'],
        ['delete', 'ns:k'],
        ['clear', 'ns'],
      ],
    );
  });

  check('a namespace closes with its cache', async (cache) => {
    const ns = cache.namespace('ns');
    await cache.close();
    await assert.rejects(ns.get('k'), cacheError('CACHE_CLOSED'));
    await assert.rejects(ns.tags(['t']).flush(), cacheError('CACHE_CLOSED'));
  });

  check('a namespace whose name is no string is refused', async (cache) => {
    for (const name of [undefined, null, 5, {}, Symbol('s'), '\uD800']) {
      await assert.rejects(
        async () => cache.namespace(name).get('k'),
        cacheError(['CACHE_INVALID_ARGUMENT', 'CACHE_INVALID_KEY'], /string|surrogate/),
      );
    }
  });
}

module.exports = { title: 'namespaces', suite };
