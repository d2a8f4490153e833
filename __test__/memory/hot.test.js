'use strict';

// The hot tier: what is read often needs neither the core nor a decoder, and nobody can tell.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { test } = require('node:test');
const fc = require('fast-check');
const { run } = require('../support/child.js');
const { fuzz } = require('../support/fuzz.js');
const { openFor } = require('../support/open.js');
const { Thread, storeName } = require('../support/threads.js');
require('../support/alive.js');

const ISOLATIONS = ['copy', 'frozen'];
const value = () => ({ id: 1, list: [{ a: 1 }, [2]], inner: { text: 'x', none: null } });

/** Reads as often as it takes to be kept, and once more; the last answer. */
async function warm(cache, key) {
  for (let times = 0; times < 3; times++) await cache.get(key);
  return cache.get(key);
}

for (const isolation of ISOLATIONS) {
  const open = (t, options) => openFor(t, { clock: 'manual', config: { isolation }, ...options });

  test(`${isolation}: every change is seen by the next read`, async (t) => {
    const cache = open(t);
    const seen = async (expected, what) => {
      for (let times = 0; times < 4; times++) assert.deepEqual(await cache.get('k'), expected, what);
      assert.deepEqual(await cache.remember('k', () => expected), expected, what);
    };
    await cache.put('k', value());
    await seen(value(), 'put');
    await cache.put('k', 2);
    await seen(2, 'overwritten');
    await cache.increment('k');
    await seen(3, 'incremented');
    await cache.forget('k');
    assert.equal(await cache.get('k'), null, 'forgotten');
    await cache.tags(['t', 'u']).put('k', value());
    await seen(value(), 'put with tags');
    await cache.tags(['u']).flush();
    assert.equal(await cache.get('k'), null, 'its tag flushed');
    await cache.namespace('n').put('k', 1);
    assert.equal(await warm(cache.namespace('n'), 'k'), 1);
    await cache.namespace('n').flush();
    assert.equal(await cache.namespace('n').get('k'), null, 'its namespace flushed');
    await cache.put('k', value(), '10s');
    await seen(value(), 'put with a TTL');
    cache.clock.advance(9.999);
    await seen(value(), 'before its end');
    cache.clock.advance(0.001);
    assert.equal(await cache.get('k'), null, 'at its end');
    await cache.put('k', 'text');
    await seen('text', 'put again');
    await cache.touch('k', '1s');
    await seen('text', 'touched');
    cache.clock.advance(1);
    assert.equal(await cache.get('k'), null, 'after the life that it was given');
    await cache.put('k', [1]);
    await seen([1], 'a list');
    await cache.flush();
    assert.equal(await cache.get('k'), null, 'everything flushed');
  });

  test(`${isolation}: what JSON cannot hold is decoded for each reader`, async (t) => {
    const cache = open(t);
    const values = {
      map: new Map([['a', { b: 1 }]]),
      date: new Date(5),
      buffer: Buffer.from('x'),
      set: new Set([1]),
    };
    for (const [key, given] of Object.entries(values)) {
      await cache.put(key, given);
      const first = await warm(cache, key);
      const second = await cache.get(key);
      assert.deepEqual(second, given);
      assert.notEqual(first, second);
      assert.equal(Object.isFrozen(second), false, key);
    }
  });

  test(`${isolation}: hits are counted, and told to who listens`, async (t) => {
    const cache = open(t);
    await cache.put('k', value());
    await warm(cache, 'k');
    assert.equal((await cache.stats()).hits, 4);
    const hits = [];
    const listener = ({ key, value: heard, tier }) => hits.push({ key, value: heard, tier });
    cache.on('hit', listener);
    await cache.get('k');
    await cache.remember('k', () => 0);
    await cache.many(['k']);
    assert.deepEqual(hits, Array(3).fill({ key: 'k', value: value(), tier: 'memory' }));
    cache.off('hit', listener);
    await cache.get('k');
    assert.equal(hits.length, 3);
    assert.equal((await cache.stats()).hits, 8);
    assert.equal((await cache.stats()).misses, 0);
  });

  test(`${isolation}: keys of any prototype's names, and values that look like promises`, async (t) => {
    const cache = open(t);
    const odd = JSON.parse('{"__proto__":{"a":[1]},"then":"x","constructor":{"b":1}}');
    await cache.put('__proto__', odd);
    const read = await warm(cache, '__proto__');
    assert.deepEqual(read, odd);
    assert.equal(JSON.stringify(read), JSON.stringify(odd));
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
    await cache.put('then', { then: 1 });
    assert.deepEqual(await warm(cache, 'then'), { then: 1 });
  });

  test(`${isolation}: a closed cache has nothing at hand`, async (t) => {
    const cache = open(t);
    await cache.put('k', 1);
    await warm(cache, 'k');
    await cache.close();
    await assert.rejects(cache.get('k'), { code: 'CACHE_CLOSED' });
    await assert.rejects(
      cache.remember('k', () => 1),
      { code: 'CACHE_CLOSED' },
    );
  });

  test(`${isolation}: what is wrong with a remember is said also where the value is at hand`, async (t) => {
    const cache = open(t);
    await cache.put('k', 1);
    await warm(cache, 'k');
    await assert.rejects(
      cache.remember('k', 'soon', () => 1),
      { code: 'CACHE_INVALID_TTL' },
    );
    await assert.rejects(
      cache.remember('k', NaN, () => 1),
      { code: 'CACHE_INVALID_TTL' },
    );
    await assert.rejects(cache.remember('k', '1h'), { code: 'CACHE_INVALID_ARGUMENT' });
    await assert.rejects(
      cache.remember('k', { tag: ['a'] }, () => 1),
      { code: 'CACHE_INVALID_ARGUMENT' },
    );
  });

  test(`${isolation}: a continuation runs in its caller's async context`, async (t) => {
    const cache = open(t);
    const storage = new AsyncLocalStorage();
    await cache.put('k', 1);
    await storage.run('first', () => warm(cache, 'k'));
    await storage.run('second', async () => {
      await cache.get('k');
      assert.equal(storage.getStore(), 'second');
      await cache.get('k').then(() => assert.equal(storage.getStore(), 'second'));
    });
  });

  test(`${isolation}: in a tiny store the least recently used goes, also if it was used without the core`, async () => {
    const step = fc.record({ write: fc.boolean(), key: fc.nat(7), times: fc.integer({ min: 1, max: 4 }) });
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 40, maxLength: 80, size: 'max' }),
      async (steps) => {
        const cache = new (require('../../index.js').Cache)({ config: { maxSize: 4, isolation } });
        const order = [];
        for (const { write, key, times } of steps) {
          const at = order.indexOf(key);
          if (write) {
            await cache.put(`k${key}`, { key });
            if (at >= 0) order.splice(at, 1);
            order.push(key);
            if (order.length > 4) order.shift();
          } else {
            for (let time = 0; time < times; time++) {
              assert.deepEqual(await cache.get(`k${key}`), at < 0 ? null : { key });
            }
            if (at >= 0) order.push(...order.splice(at, 1));
          }
        }
        await cache.close();
      },
    );
    await fuzz(property, { numRuns: 300 });
  });

  for (const policy of ['lru', 'tinylfu']) {
    test(`${isolation}, ${policy}: what is read here alone is not taken for forgotten`, async (t) => {
      const cache = openFor(t, { config: { isolation, policy, maxSize: 2000 } });
      await cache.put('hot', value());
      await warm(cache, 'hot');
      for (let at = 0; at < 20_000; at++) {
        await cache.put(`k${at}`, at);
        if (at % 50 === 0) assert.deepEqual(await cache.get('hot'), value(), `after ${at}`);
      }
    });
  }
}

test('copy: what a reader does to a value is seen by nobody', async (t) => {
  const cache = openFor(t);
  await cache.put('k', value());
  for (let times = 0; times < 6; times++) {
    const read = await cache.get('k');
    assert.deepEqual(read, value());
    read.list[0].a = 'changed';
    read.list.push(1);
    read.inner.text = 'changed';
    read.more = 1;
  }
});

test('frozen: all readers share one value, and changing it throws', async (t) => {
  const cache = openFor(t, { config: { isolation: 'frozen' } });
  const given = value();
  await cache.put('k', given);
  assert.ok(Object.isFrozen(await cache.get('k')), 'before it is kept');
  const read = await warm(cache, 'k');
  assert.equal(read, await cache.get('k'));
  assert.throws(() => read.list.push(1), TypeError);
  assert.throws(() => (read.list[0].a = 2), TypeError);
  assert.throws(() => (read.inner.text = 'y'), TypeError);
  assert.equal(Object.isFrozen(given), false, "the writer's own");
  assert.equal((await cache.many(['k'])).get('k'), read);
});

test('frozen: who waits for a run gets a frozen value, and who computes it his own', async (t) => {
  const cache = openFor(t, { config: { isolation: 'frozen' } });
  const own = value();
  const [led, waited] = await Promise.all([
    cache.remember('k', async () => own),
    cache.remember('k', () => 0),
  ]);
  assert.equal(led, own);
  assert.deepEqual(waited, own);
  assert.deepEqual([led, waited].map(Object.isFrozen), [false, true]);
});

test('keys of prefixes and namespaces are found, whichever way they are named, and however few are kept', (t) => {
  // Few keys, and each by two names: the place of one is soon another's.
  const named = fc.constantFrom(['', 'n:a'], ['n', 'a'], ['', 'n:b'], ['n', 'b'], ['n', 'm:a'], ['n:m', 'a']);
  const step = fc.record({
    what: fc.constantFrom('get', 'get', 'get', 'get', 'put', 'forget', 'flush'),
    named,
  });
  const steps = fc.array(step, { minLength: 20, maxLength: 200 });
  return fuzz(
    fc.asyncProperty(
      steps,
      fc.constantFrom('', 'p:'),
      fc.integer({ min: 1, max: 4 }),
      async (all, prefix, most) => {
        const cache = openFor(t, { prefix, config: { hot: { maxEntries: most } } });
        const model = new Map();
        const views = Object.fromEntries(['n', 'n:m'].map((name) => [name, cache.namespace(name)]));
        let count = 0;
        for (const {
          what,
          named: [by, short],
        } of all) {
          // A view of its own at times, as an app makes one for each call.
          const view = by === '' ? cache : count % 3 === 0 ? cache.namespace(by) : views[by];
          const name = by === '' ? short : `${by}:${short}`;
          count += 1;
          if (what === 'put') {
            await view.put(short, { count });
            model.set(name, { count });
          } else if (what === 'forget') {
            await view.forget(short);
            model.delete(name);
          } else if (what === 'flush' && by !== '') {
            await view.flush();
            for (const one of [...model.keys()]) if (one.startsWith(`${by}:`)) model.delete(one);
          } else if (what === 'get') {
            for (let times = 0; times < 3; times++) {
              assert.deepEqual(await view.get(short), model.get(name) ?? null, `${by} ${short}`);
            }
          }
        }
        await cache.close();
      },
    ),
    { numRuns: 300 },
  );
});

test('with hot: false the core is asked for each read', async (t) => {
  const cache = openFor(t, { config: { hot: false, isolation: 'frozen' } });
  await cache.put('k', value());
  const [first, second] = [await warm(cache, 'k'), await cache.get('k')];
  assert.notEqual(first, second);
  assert.ok(Object.isFrozen(second), 'frozen all the same');
});

test('the heap is bounded, however many values are read', async () => {
  const { stdout, stderr, code } = await run(
    `
    const { Cache } = require('./index.js');
    (async () => {
      const heaps = [];
      for (const hot of [{ maxEntries: 1000 }, { maxBytes: 2 ** 20 }, { maxEntries: 1 }]) {
        const cache = new Cache({ config: { hot, maxSizeBytes: 2 ** 28 } });
        globalThis.gc();
        const before = process.memoryUsage().heapUsed;
        for (let at = 0; at < 20_000; at++) await cache.put('k' + at, { at, text: 'x'.repeat(1000) + at });
        for (let at = 0; at < 20_000; at++) for (let times = 0; times < 3; times++) await cache.get('k' + at);
        globalThis.gc();
        heaps.push((process.memoryUsage().heapUsed - before) / 2 ** 20);
        const last = await cache.get('k19999');
        if (last.at !== 19_999) throw new Error('wrong');
        await cache.close();
      }
      console.log(JSON.stringify(heaps));
    })();`,
    { flags: ['--expose-gc'], limit: 120_000 },
  );
  assert.equal(code, 0, stderr);
  // 20,000 values would be over 20 MiB.
  for (const grown of JSON.parse(stdout)) assert.ok(grown < 6, stdout);
});

test('keys that are read in turn, and are too many, do not all push each other out', async (t) => {
  const cache = openFor(t, { config: { isolation: 'frozen', hot: { maxEntries: 100 } } });
  const keys = Array.from({ length: 200 }, (_, at) => `k${at}`);
  for (const key of keys) await cache.put(key, { key });
  const readAll = async () => {
    const values = [];
    for (const key of keys) values.push(await cache.get(key));
    return values;
  };
  for (let round = 0; round < 5; round++) await readAll();
  const [first, second] = [await readAll(), await readAll()];
  // What is at hand is one value, and what is not is decoded anew.
  const kept = first.filter((one, at) => one === second[at]).length;
  assert.ok(kept > 50 && kept <= 100, `${kept} of 200`);
});

test('it works where no code may be made from strings', async () => {
  const { stdout, stderr, code } = await run(
    `
    const { Cache } = require('./index.js');
    (async () => {
      for (const isolation of ['copy', 'frozen']) {
        const cache = new Cache({ config: { isolation } });
        await cache.put('k', { a: [{ b: 1 }] });
        for (let times = 0; times < 20; times++) console.log(JSON.stringify(await cache.get('k')));
        await cache.close();
      }
    })();`,
    { flags: ['--disallow-code-generation-from-strings'] },
  );
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '{"a":[{"b":1}]}\n'.repeat(40));
});

test('what one thread writes, flushes or lets expire is seen by the next read of another', async (t) => {
  const options = { name: storeName('hot'), clock: 'manual' };
  const cache = openFor(t, options);
  const other = await Thread.open(options);
  t.after(() => other.terminate());
  for (let round = 0; round < 20; round++) {
    await other.call('put', 'k', { round });
    assert.deepEqual(await warm(cache, 'k'), { round });
    await other.call('forget', 'k');
    assert.equal(await cache.get('k'), null);
    await other.tagged(['t'], 'put', 'k', { round });
    assert.deepEqual(await warm(cache, 'k'), { round });
    await other.tagged(['t'], 'flush');
    assert.equal(await cache.get('k'), null);
    await cache.put('k', round, '5s');
    assert.equal(await warm(cache, 'k'), round);
    cache.clock.advance(5);
    assert.equal(await cache.get('k'), null);
    await cache.put('k', round);
    assert.equal(await warm(cache, 'k'), round);
    await other.call('flush');
    assert.equal(await cache.get('k'), null);
  }
});
