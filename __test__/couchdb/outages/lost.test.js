'use strict';

// Connections that break when a write is done, or before: the app is told what became of it, or that nobody knows.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { UNKNOWN, WRITES, isKey, startWorld, writing } = require('./world.js');
require('../../support/alive.js');

/**
 * Operations on `key`: what must be there, what each answers, and what `key` holds then.
 *
 * @type {Record<string, { before?: (cache: any) => Promise<any>, run: (cache: any, before: any) => Promise<any>, answer: unknown, value?: unknown }>}
 */
const operations = {
  put: { run: (cache) => cache.put('key', 'new', '1m'), answer: undefined, value: 'new' },
  'put over another': {
    before: (cache) => cache.put('key', 'old', '1m'),
    run: (cache) => cache.put('key', 'new', '1m'),
    answer: undefined,
    value: 'new',
  },
  putMany: { run: (cache) => cache.putMany({ key: 'new', other: 1 }, '1m'), answer: undefined, value: 'new' },
  set: { run: (cache) => cache.set('key', 'new', '1m'), answer: true, value: 'new' },
  add: { run: (cache) => cache.add('key', 'new', '1m'), answer: true, value: 'new' },
  'add over another': {
    before: (cache) => cache.put('key', 'old', '1m'),
    run: (cache) => cache.add('key', 'new', '1m'),
    answer: false,
    value: 'old',
  },
  forget: {
    before: (cache) => cache.put('key', 'old', '1m'),
    run: (cache) => cache.forget('key'),
    answer: true,
    value: null,
  },
  pull: {
    before: (cache) => cache.put('key', 'old', '1m'),
    run: (cache) => cache.pull('key'),
    answer: 'old',
    value: null,
  },
  touch: {
    before: (cache) => cache.put('key', 'old', '1m'),
    run: (cache) => cache.touch('key', '2m'),
    answer: true,
    value: 'old',
  },
  increment: { run: (cache) => cache.increment('key', 2, '1m'), answer: 2, value: 2 },
  'increment of a counter': {
    before: (cache) => cache.put('key', 40, '1m'),
    run: (cache) => cache.increment('key', 2),
    answer: 42,
    value: 42,
  },
  decrement: { run: (cache) => cache.decrement('key', 2, '1m'), answer: -2, value: -2 },
  remember: { run: (cache) => cache.remember('key', '1m', () => 'made'), answer: 'made', value: 'made' },
  'tagged remember': {
    run: (cache) => cache.tags(['tag']).remember('key', '1m', () => 'made'),
    answer: 'made',
    value: 'made',
  },
  lock: {
    run: async (cache) => (await cache.lock('key', { ttl: '1m', wait: 0 })).acquired,
    answer: true,
  },
  'release of a lock': {
    before: (cache) => cache.lock('key', { ttl: '1m', wait: 0 }),
    run: (_, lock) => lock.release(),
    answer: true,
  },
  'extension of a lock': {
    before: (cache) => cache.lock('key', { ttl: '1m', wait: 0 }),
    run: (_, lock) => lock.extend('2m'),
    answer: true,
  },
  lockAndRun: { run: (cache) => cache.lockAndRun('key', '1m', () => 'ran'), answer: 'ran' },
  'tag flush': {
    before: (cache) => cache.tags(['key']).put('value', 1, '1m'),
    run: (cache) => cache.tags(['key']).flush(),
    answer: undefined,
  },
  flush: {
    before: (cache) => cache.put('key', 'old', '1m'),
    run: (cache) => cache.flush(),
    answer: undefined,
    value: null,
  },
};

for (const applied of [true, false]) {
  const when = applied ? 'after it was done' : 'before it was done';
  test(`a write whose connection breaks ${when} is done once`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict } = world;
    for (const [name, { before, run, answer, value }] of Object.entries(operations)) {
      const known = await before?.(strict);
      // The second of two writes in a row as well: a lease and then its fill.
      const dropped = server.faults.drop(writing(isKey, 2), { applied });
      assert.deepEqual(await run(strict, known), answer, name);
      dropped.release();
      assert.ok(dropped.hits > 0 || name === 'add over another', `${name} has not met it`);
      if (value !== undefined) {
        assert.equal(await strict.get('key'), value, name);
        assert.equal(await world.another().get('key'), value, name);
      }
      if (name === 'tag flush') assert.equal(await strict.get('value'), null);
      if (name === 'release of a lock') {
        assert.ok((await strict.lock('key', { ttl: '1m', wait: 0 })).acquired, 'it is released');
      }
      server.destroyDatabase();
      await strict.ready().catch(() => {});
      await until('it is made anew', async () => (await strict.get('key')) === null);
    }
    await world.end();
  });
}

/** Counts with several stores, and has each third write lost; what was answered. */
async function countUp(world, caches, { applied }) {
  let writes = 0;
  const lost = ({ path }) => WRITES.test(path) && (writes += 1) % 3 === 0;
  world.server.faults.drop(lost, { applied });
  const settled = [];
  for (let step = 0; step < 20; step += 1) {
    const steps = [...caches, ...caches].map((cache) => cache.increment('n'));
    settled.push(...(await Promise.allSettled(steps)));
  }
  world.server.faults.clear();
  for (const { reason } of settled) if (reason) assert.match(reason.code, UNKNOWN);
  const done = settled.filter(({ status }) => status === 'fulfilled');
  const replies = done.map(({ value }) => value).sort((one, two) => one - two);
  assert.equal(new Set(replies).size, replies.length, 'no count is answered twice');
  return { replies, failed: settled.length - done.length };
}

const upTo = (length) => Array.from({ length }, (_, at) => at + 1);

for (const applied of [true, false]) {
  const when = applied ? 'after they were done' : 'before they were done';
  test(`each step of a counter is counted once, where connections break ${when}`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { replies } = await countUp(world, [world.strict], { applied });
    assert.deepEqual(replies, upTo(40));
    assert.equal(await world.strict.get('n'), 40);
    await world.end();
  });

  test(`no step of a counter of several processes is lost, where connections break ${when}`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { replies, failed } = await countUp(world, [world.strict, world.another()], { applied });
    const counter = await world.strict.get('n');
    assert.ok(counter >= replies.length && counter <= replies.length + failed, `${counter}`);
    assert.ok(replies.at(-1) <= counter);
    // The counter itself says whose steps it holds.
    if (applied) assert.deepEqual([replies, counter], [upTo(80), 80]);
    await world.end({ failed });
  });
}
