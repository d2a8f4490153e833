'use strict';

// Connections that break when a write is done, or before, of a key that others write: nobody is told that something was
// done which was not.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { UNKNOWN, isKey, startWorld, writing } = require('./world.js');
require('../../support/alive.js');

/**
 * Has the answer to a write of `key` lost, and another's write done meanwhile.
 *
 * @param {any} world
 * @param {() => unknown} meanwhile
 * @param {{ applied: boolean }} options whether the write was done before the other's
 */
async function overtaken(world, run, meanwhile, { applied }) {
  const { server } = world;
  const held = server.faults.hold(writing(isKey), { applied });
  const asked = run(world.strict).then(
    (value) => ({ value }),
    (error) => ({ code: error.code }),
  );
  await held.arrived;
  await meanwhile();
  server.dropConnections();
  held.release();
  return asked;
}

const other = (world) => world.overwrite('key', 'of another');

test('a put whose answer is lost, and another write after it', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  for (const before of [undefined, 'old']) {
    if (before) await world.strict.put('key', before, '1m');
    const run = (cache) => cache.put('key', 'new', '1m');
    const outcome = await overtaken(world, run, () => other(world), { applied: true });
    if ('code' in outcome) assert.match(outcome.code, UNKNOWN);
    assert.equal(await world.strict.get('key'), 'of another');
    await world.strict.forget('key');
  }
  await world.end();
});

const LONG_AGO = 1;

/**
 * What was done to `key` before a put, and whether the put is surely stored then: a document names the last writes, and
 * says when it was written.
 *
 * @type {Record<string, { writes: (world: any, another: any) => unknown, known?: boolean }>}
 */
const before = {
  'that another had written': {
    writes: (_world, another) => another.put('key', 'theirs', '1m'),
    known: true,
  },
  'that another had written often': {
    async writes(_world, another) {
      for (const value of [1, 2, 3, 4, 'theirs']) await another.put('key', value, '1m');
    },
  },
  'that another program had written often, and long ago': {
    writes({ database }) {
      const document = { _id: 'entry:cache:key', updatedAt: LONG_AGO };
      for (const value of [1, 2, 3, 4, 5]) database.write({ ...document, value: `${value}` });
    },
    known: true,
  },
  'that another program had removed': {
    writes: ({ database }) => database.write({ _id: 'entry:cache:key', _deleted: true }),
  },
};

// Whoever is told that it is stored must not find what was there before.
for (const [what, { writes, known }] of Object.entries(before)) {
  for (const remembered of [true, false]) {
    test(`a put that is lost on its way, of a key ${what}${remembered ? ' since it was seen' : ''}`, async (t) => {
      const world = await startWorld(t, { traffic: false, patient: true });
      const { server, strict } = world;
      const another = world.another();
      await (remembered ? strict : another).put('key', 'first', '1m');
      await writes(world, another);
      const there = await another.get('key');
      server.faults.drop(writing(isKey));
      const outcome = await strict.put('key', 'new', '1m').then(
        () => 'stored',
        ({ code }) => code,
      );
      if (known) assert.equal(outcome, 'stored');
      else if (outcome !== 'stored') assert.match(outcome, UNKNOWN);
      assert.deepEqual(await strict.get('key'), outcome === 'stored' ? 'new' : there);
      await world.end();
    });
  }
}

const STEPS = 12;

/**
 * What changes a counter that stands at 1 and that another then counts on, and what there is if it was done: told as
 * done, it must have been done before the other counted.
 *
 * @type {Record<string, { run: (cache: any) => Promise<any>, done: (cache: any) => Promise<boolean> }>}
 */
const undercut = {
  put: {
    run: (cache) => cache.put('key', 100, '1m'),
    done: async (cache) => (await cache.get('key')) === 100 + STEPS,
  },
  forget: { run: (cache) => cache.forget('key'), done: async (cache) => (await cache.get('key')) === STEPS },
  pull: { run: (cache) => cache.pull('key'), done: async (cache) => (await cache.get('key')) === STEPS },
  touch: { run: (cache) => cache.touch('key', '1h'), done: async (cache) => (await cache.ttl('key')) > 60 },
};

for (const [name, { run, done }] of Object.entries(undercut)) {
  for (const applied of [true, false]) {
    test(`a ${name} whose connection breaks ${applied ? 'after' : 'before'} it was done, and many steps of another`, async (t) => {
      const world = await startWorld(t, { traffic: false, patient: true });
      const { strict } = world;
      const another = world.another();
      assert.equal(await strict.increment('key', 1, '1m'), 1);
      const count = async () => {
        for (let step = 0; step < STEPS; step += 1) await another.increment('key', 1, '1m');
      };
      const outcome = await overtaken(world, run, count, { applied });
      assert.equal(await done(strict), applied);
      if ('code' in outcome) assert.match(outcome.code, UNKNOWN);
      else assert.ok(applied, `it says that it was done: ${outcome.value}`);
      await world.end();
    });
  }
}

for (const applied of [true, false]) {
  const when = applied ? 'after it was done' : 'before it was done';

  test(`an add whose connection breaks ${when}, and another write`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const run = (cache) => cache.add('key', 'new', '1m');
    const { value, code } = await overtaken(world, run, () => other(world), { applied });
    // That it was not added can be known, that it was cannot.
    assert.ok(value === false ? !applied : UNKNOWN.test(code), `${value} ${code}`);
    assert.equal(await world.strict.get('key'), 'of another');
    await world.end();
  });

  test(`an increment whose connection breaks ${when}, and another write`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    await world.strict.put('key', 1, '1m');
    const run = (cache) => cache.increment('key');
    const { value, code } = await overtaken(world, run, () => world.overwrite('key', 100), { applied });
    const counter = await world.strict.get('key');
    if (code === undefined) {
      // That it was not done can be known, and then it is done.
      assert.deepEqual([value, counter], [101, 101]);
      assert.equal(applied, false);
    } else {
      assert.match(code, UNKNOWN);
      assert.equal(counter, 100);
    }
    await world.end();
  });

  test(`an increment whose connection breaks ${when}, and those of others`, async (t) => {
    for (const count of [1, 5, 12]) {
      const world = await startWorld(t, { traffic: false, patient: true });
      await world.strict.put('key', 1, '1m');
      const another = world.another();
      const run = (cache) => cache.increment('key');
      const others = async () => {
        for (let step = 0; step < count; step += 1) await another.increment('key');
      };
      const { value, code } = await overtaken(world, run, others, { applied });
      const counter = await world.strict.get('key');
      if (code === undefined) {
        // Known to be the first, or to have been done after all.
        assert.equal(value, applied ? 2 : count + 2);
        assert.equal(counter, count + 2);
      } else {
        assert.match(code, UNKNOWN);
        assert.ok(counter === count + 1 || counter === count + 2, `${counter}`);
      }
      if (applied && count <= 5) assert.equal(code, undefined, 'it can be found out');
      await world.end();
    }
  });

  test(`a lock whose taking breaks off ${when}, and another owner`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { database, strict } = world;
    const take = () =>
      database.write({
        ...database.read('lock:cache:key'),
        _id: 'lock:cache:key',
        owner: 'another',
        write: 'another',
        until: Date.now() + 60_000,
        fence: Date.now() * 2000,
      });
    const run = async (cache) => (await cache.lock('key', { ttl: '1m', wait: 0 })).acquired;
    const { value, code } = await overtaken(world, run, take, { applied });
    assert.ok(value === false || UNKNOWN.test(code), `${value} ${code}`);
    assert.equal((await strict.lock('key', { ttl: '1m', wait: 0 })).acquired, false);
    assert.equal(database.read('lock:cache:key').owner, 'another');
    await world.end();
  });

  test(`an extension of a lock that breaks off ${when}, and another owner`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { database, strict } = world;
    const lock = await strict.lock('key', { ttl: '1m', wait: 0 });
    const take = () => {
      const held = database.read('lock:cache:key');
      return database.write({ ...held, owner: 'another', write: 'another' });
    };
    const { value, code } = await overtaken(world, () => lock.extend('2m'), take, { applied });
    assert.ok(value === false || UNKNOWN.test(code), `${value} ${code}`);
    await world.end();
  });

  test(`a factory's result whose connection breaks ${when}, and another write`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict } = world;
    let runs = 0;
    let held;
    const remembered = strict.remember('key', '1m', () => {
      runs += 1;
      held = server.faults.hold(writing(isKey), { applied });
      return 'older';
    });
    await until('it is on its way', () => held !== undefined, { every: 1 });
    await held.arrived;
    other(world);
    server.dropConnections();
    held.release();
    assert.equal(await remembered, 'older');
    assert.equal(runs, 1);
    assert.equal(await strict.get('key'), 'of another');
    await world.end();
  });
}
