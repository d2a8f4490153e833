'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { deferred, turns } = require('../support/deferred.js');
const { next, record } = require('../support/events.js');

function suite({ able, check, pass }) {
  check('a write is told with its key, value, life, tags and tier', async (cache) => {
    const seen = record(cache, 'write');
    await cache.tags(['a', 'b']).put('k', { v: 1 }, '5m');
    await cache.put('plain', 'v', Infinity);
    await cache.remember('r', '1m', () => 'computed');
    await turns();
    const told = seen.map(({ durationMs, ...event }) => {
      assert.ok(durationMs >= 0);
      return event;
    });
    const { tier } = able;
    assert.deepEqual(told, [
      { event: 'write', key: 'k', value: { v: 1 }, ttl: 300, tags: ['a', 'b'], tier },
      { event: 'write', key: 'plain', value: 'v', ttl: Infinity, tags: [], tier },
      { event: 'write', key: 'r', value: 'computed', ttl: 60, tags: [], tier },
    ]);
  });

  check('a hit is told with its key, value and tier, and a miss with its key', async (cache) => {
    await cache.put('k', { v: 1 });
    const seen = record(cache, 'hit', 'miss');
    await cache.get('k');
    await cache.get('x');
    await turns();
    assert.equal(seen.length, 2);
    const [hit, miss] = seen;
    assert.ok(hit.durationMs >= 0 && miss.durationMs >= 0);
    assert.deepEqual(
      { ...hit, durationMs: 0 },
      { event: 'hit', key: 'k', value: { v: 1 }, tier: able.tier, durationMs: 0 },
    );
    assert.deepEqual({ ...miss, durationMs: 0 }, { event: 'miss', key: 'x', durationMs: 0 });
  });

  check('remember tells a miss and a write, then a hit', async (cache) => {
    const seen = record(cache, 'hit', 'miss', 'write');
    await cache.remember('k', () => 1);
    await cache.remember('k', () => 1);
    await turns();
    assert.deepEqual(
      seen.map(({ event, key }) => `${event} ${key}`),
      ['miss k', 'write k', 'hit k'],
    );
  });

  check('a removal by name is a delete, however it is asked for', async (cache) => {
    const seen = record(cache, 'delete');
    await cache.putMany({ forget: 1, delete: 1, pull: 1, ttl: 1, touch: 1, reset: 1 });
    await cache.forget('forget');
    await cache.delete('delete');
    await cache.pull('pull');
    await cache.put('ttl', 1, 0);
    await cache.touch('touch', 0);
    await cache.reset('reset');
    await turns();
    assert.deepEqual(
      seen.map(({ key }) => key),
      ['forget', 'delete', 'pull', 'ttl', 'touch', 'reset'],
    );
    for (const { durationMs } of seen) assert.ok(durationMs >= 0);
  });

  check('a write that did not happen is no event', async (cache) => {
    await cache.put('k', 1);
    const seen = record(cache, 'write');
    await cache.add('k', 2);
    await cache.put('k', 2, 0);
    await assert.rejects(cache.put('k', () => 1));
    await cache.remember('skipped', (context) => {
      context.skip();
      return 1;
    });
    await turns();
    assert.deepEqual(seen, []);
  });

  check('a counter step is a write of its new value', async (cache) => {
    const seen = record(cache, 'write');
    await cache.increment('n', 5);
    await cache.decrement('n');
    await turns();
    assert.deepEqual(
      seen.map(({ key, value }) => [key, value]),
      [
        ['n', 5],
        ['n', 4],
      ],
    );
  });

  check('keys are told without the prefix', { prefix: 'app:' }, async (cache) => {
    const seen = record(cache, 'write', 'hit', 'delete');
    await cache.put('k', 1);
    await cache.get('k');
    await cache.forget('k');
    await turns();
    assert.deepEqual(
      seen.map(({ key }) => key),
      ['k', 'k', 'k'],
    );
  });

  check('listeners run in the async context of the caller', async (cache) => {
    const storage = new AsyncLocalStorage();
    const seen = [];
    for (const name of ['miss', 'write', 'hit', 'delete', 'clear', 'invalidate', 'lock']) {
      cache.on(name, () => seen.push(`${name} ${storage.getStore()}`));
    }
    const request = async (id) => {
      await cache.get(`${id}`);
      await cache.remember(`${id}`, async () => {
        await turns(1);
        return id;
      });
      await cache.get(`${id}`);
      await cache.forget(`${id}`);
      await (await cache.lock(`${id}`)).release();
      await cache.tags([`${id}`]).flush();
      await cache.namespace(`n${id}`).flush();
    };
    await Promise.all([1, 2, 3].map((id) => storage.run(id, request, id)));
    await turns();
    for (const id of [1, 2, 3]) {
      const names = seen.filter((text) => text.endsWith(` ${id}`)).map((text) => text.split(' ')[0]);
      for (const name of ['miss', 'write', 'hit', 'delete', 'lock', 'invalidate', 'clear']) {
        assert.ok(names.includes(name), `${name} of ${id}: ${seen}`);
      }
    }
    assert.ok(!seen.some((text) => text.endsWith('undefined')), String(seen));
  });

  check('a joining caller hears of its own context', async (cache) => {
    const storage = new AsyncLocalStorage();
    const contexts = [];
    cache.on('miss', () => contexts.push(storage.getStore()));
    const end = deferred();
    const calls = ['a', 'b'].map((id) => storage.run(id, () => cache.remember('k', () => end.promise)));
    await turns();
    end.resolve(1);
    await Promise.all(calls);
    await turns();
    assert.ok(contexts.includes('a'), String(contexts));
    assert.ok(contexts.every((id) => id !== undefined));
  });

  check('a listener that throws is an error event, and the operation goes on', async (cache) => {
    const thrown = new Error('from the listener');
    cache.on('write', () => {
      throw thrown;
    });
    const others = record(cache, 'write');
    const reported = next(cache, 'error');
    await cache.put('k', 1);
    assert.equal((await reported).error, thrown);
    assert.equal(await cache.get('k'), 1);
    assert.equal(others.length, 1);
  });

  check('a listener that rejects is an error event too', async (cache) => {
    const thrown = new Error('from the listener');
    cache.on('write', async () => {
      throw thrown;
    });
    const reported = next(cache, 'error');
    await cache.put('k', 1);
    assert.equal((await reported).error, thrown);
  });

  check('a listener that changes the value it is told changes nothing stored', async (cache) => {
    const spoil = ({ value }) => value.list.push('spoilt');
    for (const name of ['write', 'hit']) cache.on(name, spoil);
    await cache.put('k', { list: [] });
    await cache.get('k');
    await cache.remember('r', () => ({ list: [] }));
    await turns();
    for (const name of ['write', 'hit']) cache.off(name, spoil);
    assert.deepEqual(await cache.get('k'), { list: [] });
    assert.deepEqual(await cache.get('r'), { list: [] });
  });

  check('on, once and off', async (cache) => {
    const seen = [];
    const always = () => seen.push('always');
    assert.equal(cache.listenerCount('write'), 0);
    assert.equal(cache.on('write', always), cache);
    assert.equal(
      cache.once('write', () => seen.push('once')),
      cache,
    );
    assert.equal(cache.listenerCount('write'), 2);
    await cache.put('k', 1);
    await turns();
    assert.deepEqual(seen, ['always', 'once']);
    assert.equal(cache.listenerCount('write'), 1);
    await cache.put('k', 1);
    await turns();
    assert.deepEqual(seen, ['always', 'once', 'always']);
    assert.equal(cache.off('write', always), cache);
    assert.equal(cache.listenerCount('write'), 0);
    await cache.put('k', 1);
    await turns();
    assert.equal(seen.length, 3);
    cache.addListener('write', always);
    assert.equal(cache.listenerCount('write'), 1);
    cache.removeListener('write', always);
    assert.equal(cache.listenerCount('write'), 0);
    assert.equal(cache.off('write', always), cache);
  });

  check('a listener that removes itself, or adds another, disturbs nobody', async (cache) => {
    const seen = [];
    const first = () => {
      seen.push('first');
      cache.off('write', first);
      cache.on('write', () => seen.push('added'));
    };
    cache.on('write', first);
    cache.on('write', () => seen.push('second'));
    await cache.put('k', 1);
    await turns();
    assert.deepEqual(seen, ['first', 'second']);
    await cache.put('k', 1);
    await turns();
    assert.deepEqual(seen, ['first', 'second', 'second', 'added']);
  });

  check('a listener may use the cache', async (cache) => {
    const done = deferred();
    cache.on('miss', ({ key }) => {
      cache.put(`seen ${key}`, true).then(done.resolve, done.reject);
    });
    await cache.get('k');
    await done.promise;
    assert.equal(await cache.get('seen k'), true);
  });

  check('closing is a disconnect event', async (cache) => {
    const gone = next(cache, 'disconnect');
    await cache.close();
    assert.deepEqual(await gone, { driver: able.driver });
  });

  if (able.expires) {
    check('what expires is told without being read', async (cache) => {
      const expired = next(cache, 'expire');
      await cache.put('k', 1, 0.1);
      await cache.put('stays', 1);
      await pass(cache, 100);
      assert.deepEqual(await expired, { key: 'k' });
    });
  }
}

module.exports = { title: 'events', suite };
