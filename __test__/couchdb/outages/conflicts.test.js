'use strict';

// Writes that meet another revision than the one that they were to replace, or none.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { gate } = require('../../support/deferred.js');
const { until } = require('../../support/wait.js');
const { READS, WRITES, startWorld, writing } = require('./world.js');
require('../../support/alive.js');

const isKey = ({ _id }) => _id === 'entry:cache:key';

test('conflicts now and then', async (t) => {
  const world = await startWorld(t, { patient: true });
  let seen = 0;
  const storm = world.server.faults.conflict(WRITES, () => (seen += 1) % 3 === 0);
  for (let round = 0; round < 5; round += 1) await world.round('up');
  assert.ok(storm.hits > 5);
  world.server.faults.clear();
  await world.end({ recovery: await world.recovers() });
});

test('several conflicts in a row', async (t) => {
  const world = await startWorld(t, { patient: true });
  for (let round = 0; round < 3; round += 1) {
    // Whatever is written has five conflicts first.
    const met = new Map();
    world.server.faults.conflict(WRITES, ({ _id }) => {
      met.set(_id, (met.get(_id) ?? 0) + 1);
      return met.get(_id) <= 5;
    });
    await world.round('up');
    world.server.faults.clear();
  }
  await world.end({ recovery: await world.recovers() });
});

test('conflicts without an end', async (t) => {
  const world = await startWorld(t);
  const { server } = world;
  const storm = server.faults.conflict(WRITES);
  const isWrite = (name) => !['get', 'has', 'many', 'keys', 'flush', 'ttl', 'touch', 'pull'].includes(name);
  const nothingThere = (name) => !['forget', 'forgetMany'].includes(name);
  await world.round('down', { only: (name) => isWrite(name) && nothingThere(name) });
  await world.flows();
  const before = { hits: storm.hits, at: performance.now() };
  await world.round('down', { only: (name) => name === 'put' });
  const rate = (storm.hits - before.hits) / ((performance.now() - before.at) / 1000);
  // The server answers: it is not given up.
  assert.equal(await world.state(), 'up');
  storm.release();
  await world.end({ recovery: await world.recovers(), rate });
});

test('other writers of the same keys', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const caches = [world.strict, world.another(), world.another()];
  const fences = [];
  const inTurn = async (cache, at) => {
    for (let step = 0; step < 20; step += 1) {
      await cache.increment('counter');
      await cache.put('key', [at, step], '1m');
      await cache.tags(['tag']).put('tagged', [at, step], '1m');
      await cache.tags(['tag']).flush();
      await cache.forget('key');
      if (await cache.add('added', at, '1m')) await cache.forget('added');
      fences.push(
        await cache.lockAndRun('lock', '5s', async ({ token }) => token, { wait: '5s', interval: 5 }),
      );
    }
  };
  await Promise.all(caches.map(inTurn));
  assert.equal(await world.strict.get('counter'), 60);
  assert.equal(await world.strict.get('key'), null);
  assert.equal(await world.strict.get('tagged'), null);
  assert.deepEqual(
    fences,
    fences.toSorted((one, two) => one - two),
  );
  await world.end();
});

/** What becomes of an operation on a key whose document is not as this process remembers it. */
const remembered = {
  put: { run: (cache) => cache.put('key', 'new', '1m'), value: () => 'new' },
  'tagged put': { run: (cache) => cache.tags(['tag']).put('key', 'new', '1m'), value: () => 'new' },
  add: {
    run: (cache) => cache.add('key', 'new', '1m'),
    answer: (there) => there === null,
    value: (there) => there ?? 'new',
  },
  forget: { run: (cache) => cache.forget('key'), answer: (there) => there !== null, value: () => null },
  pull: { run: (cache) => cache.pull('key'), answer: (there) => there, value: () => null },
  touch: {
    run: (cache) => cache.touch('key', '2m'),
    answer: (there) => there !== null,
    value: (there) => there,
  },
  increment: {
    run: (cache) => cache.increment('key', 1, '1m'),
    answer: (there) => (there ?? 0) + 1,
    value: (there) => (there ?? 0) + 1,
  },
  remember: {
    run: (cache) => cache.remember('key', '1m', () => 'made'),
    answer: (there) => there ?? 'made',
    value: (there) => there ?? 'made',
  },
};

const changes = {
  'has changed': { there: 7, change: (world) => world.overwrite('key', 7) },
  'has been deleted': {
    there: null,
    change: ({ database }) => database.write({ _id: 'entry:cache:key', _deleted: true }),
  },
  'has been purged': {
    there: null,
    change: ({ database }) => database.purge('entry:cache:key', [database.read('entry:cache:key')._rev]),
  },
  'has been purged and made anew': {
    there: 7,
    change: (world) => {
      const { database } = world;
      database.purge('entry:cache:key', [database.read('entry:cache:key')._rev]);
      world.overwrite('key', 7);
    },
  },
};

for (const strict of [false, true]) {
  for (const [how, { there, change }] of Object.entries(changes)) {
    const server = strict ? ', on a server that knows that a revision is none of its own' : '';
    if (strict && !how.includes('purged')) continue;
    test(`a document that ${how} since it was seen${server}`, async (t) => {
      const world = await startWorld(t, { traffic: false, patient: true, server: { strict } });
      for (const [name, { run, answer, value }] of Object.entries(remembered)) {
        const cache = world.another();
        await cache.put('key', 1, '1m');
        change(world);
        const answered = await run(cache);
        if (answer) assert.equal(answered, answer(there), name);
        assert.equal(await cache.get('key'), value(there), name);
        assert.equal(await world.strict.get('key'), value(there), name);
        await cache.close();
        await world.strict.forget('key');
      }
      await world.end();
    });
  }
}

test('a lock, a tag and a counter that have been purged since they were seen', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { database, strict } = world;
  const purge = (id) => database.purge(id, [database.read(id)._rev]);
  const first = await strict.lock('name', { ttl: '1m', wait: 0 });
  purge('lock:cache:name');
  const second = await strict.lock('name', { ttl: '1m', wait: 0 });
  assert.ok(second.acquired && second.token > first.token);
  assert.equal(await first.release(), false);
  assert.equal(await second.release(), true);

  const users = strict.tags(['users']);
  await users.put('tagged', 1, '1m');
  purge('tag:cache:users');
  assert.equal(await strict.get('tagged'), null);
  await users.put('tagged', 2, '1m');
  assert.equal(await strict.get('tagged'), 2);
  purge('tag:cache:users');
  await users.flush();
  assert.equal(await strict.get('tagged'), null);
  await users.put('tagged', 3, '1m');
  await users.flush();
  assert.equal(await world.another().get('tagged'), null);

  await strict.increment('counter', 5);
  purge('entry:cache:counter');
  assert.equal(await strict.increment('counter', 5), 5);
  await world.end();
});

/** What can come in the way of a factory's result; the older one is not to be found after it. */
const invalidations = {
  put: (cache) => cache.put('key', 'newer', '1m'),
  forget: (cache) => cache.forget('key'),
  flush: (cache) => cache.flush(),
};

const isRenewal = ({ path, body }) =>
  READS.test(path) && body.docs.some(({ id }) => id === 'entry:cache:key');

test('a factory does not bring back what was removed, and purged after its lease was looked at again', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { database, server, strict } = world;
  for (const [name, invalidate] of Object.entries(invalidations)) {
    const factory = gate();
    const computed = strict.remember('key', '1m', factory);
    await factory.started;
    await invalidate(world.another());
    // It is prolonged every third of its life.
    await server.seen(isRenewal, world.asked(isRenewal).length + 2);
    database.purge('entry:cache:key', [database.read('entry:cache:key')._rev]);
    factory.resolve('older');
    assert.equal(await computed, 'older');
    assert.equal(await strict.get('key'), null, name);
    assert.equal(await world.another().get('key'), null, name);
  }
  await world.end();
});

test('a factory does not bring back what was put while it ran, has expired and was taken away', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { strict } = world;
  const another = world.another();
  const factory = gate();
  const computed = strict.remember('key', '1m', factory);
  await factory.started;
  await another.put('key', 'newer', '50ms');
  await until('it has expired', async () => (await another.get('key')) === null);
  // Who finds it may take it away, at once.
  const gone = async () => (await another.get('key')) === null && world.entry('key') === undefined;
  await until('it has left the database', gone, { limit: 300 }).catch(() => {});
  factory.resolve('older');
  assert.equal(await computed, 'older');
  assert.equal(await strict.get('key'), null);
  assert.equal(await another.get('key'), null);
  await world.end();
});

test('a factory does not bring back what was removed before the database was made anew', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server, strict } = world;
  const another = world.another();
  const factory = gate();
  const computed = strict.remember('key', '1m', factory);
  await factory.started;
  await another.put('key', 'newer', '1m');
  server.destroyDatabase();
  // Whoever asks first makes it, and knows that all is gone; what is written to it makes it take any revision.
  await strict.put('other', 1, '1m');
  factory.resolve('older');
  assert.equal(await computed, 'older');
  assert.equal(await strict.get('key'), null);
  await world.end();
});

test('only those of a batch that conflicted are written again', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server, strict } = world;
  server.faults.conflict(writing(isKey), isKey);
  await strict.putMany({ key: 1, two: 2, three: 3 }, '1m');
  const written = world
    .asked(({ path }) => WRITES.test(path))
    .map(({ body }) => body.docs.map(({ _id }) => _id));
  const again = written.filter((ids) => ids.includes('entry:cache:key'));
  assert.equal(again.length, 2);
  assert.deepEqual(again[1], ['entry:cache:key']);
  assert.deepEqual([await strict.get('key'), await strict.get('three')], [1, 3]);
  await world.end();
});
