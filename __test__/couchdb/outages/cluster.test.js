'use strict';

// A cluster of which too few nodes took a write: it says so by 202 or by the row, and another may win later.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { WRITES, isKey, startWorld, writing } = require('./world.js');
require('../../support/alive.js');

const lockOf = (world) => world.database.read('lock:cache:key');

for (const [how, begin] of Object.entries({
  'took it': (faults, match) => faults.accepted(match),
  'lost it again': (faults, match) => faults.lose(match),
})) {
  test(`a lock of which too few nodes ${how} is not had by that, and tried again`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict } = world;
    const weak = begin(server.faults, writing(isKey));
    const { acquired, release, token } = await strict.lock('key', { ttl: '1m', wait: 0 });
    assert.ok(acquired);
    assert.equal(weak.hits, 1);
    const written = world
      .asked(({ path }) => WRITES.test(path))
      .flatMap(({ body }) => body.docs.filter(isKey));
    const owners = written.map(({ owner }) => typeof owner);
    assert.deepEqual(owners, ['string', 'undefined', 'string'], 'it was given back in between');
    assert.equal(lockOf(world).fence, token);
    assert.equal((await world.another().lock('key', { ttl: '1m', wait: 0 })).acquired, false);
    assert.equal(await release(), true);
    await world.end();
  });

  test(`an add of which too few nodes ${how} has not added by that, and is tried again`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict } = world;
    const weak = begin(server.faults, writing(isKey));
    assert.equal(await strict.add('key', 'value', '1m'), true);
    assert.equal(weak.hits, 1);
    assert.equal(await world.another().get('key'), 'value');
    assert.equal(await world.another().add('key', 'another', '1m'), false);
    await world.end();
  });

  test(`a lease of which too few nodes ${how} is not had by that, and tried again`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict, open, events } = world;
    for (const cache of [strict, open]) {
      const weak = begin(server.faults, writing(isKey));
      let runs = 0;
      const value = await cache.remember('key', '1m', () => {
        runs += 1;
        return 'made';
      });
      assert.deepEqual([value, runs, weak.hits], ['made', 1, 1]);
      assert.equal(await world.another().get('key'), 'made');
      await strict.forget('key');
    }
    assert.deepEqual(events, []);
    await world.end();
  });

  test(`a step of a counter of which too few nodes ${how} rejects`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict, open } = world;
    await strict.put('key', 10, '1m');
    for (const cache of [strict, open]) {
      begin(server.faults, writing(isKey));
      await assert.rejects(cache.increment('key'), { code: 'CACHE_UNAVAILABLE', message: /cluster/ });
    }
    const counter = await strict.get('key');
    assert.ok(counter === 10 || counter === 11 || counter === 12);
    assert.equal(await strict.increment('key'), counter + 1);
    await world.end();
  });

  test(`an extension of a lock of which too few nodes ${how} is none`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, strict } = world;
    const lock = await strict.lock('key', { ttl: '1m', wait: 0 });
    begin(server.faults, writing(isKey));
    assert.equal(await lock.extend('2m'), false);
    assert.equal(await lock.extend('2m'), true);
    assert.equal(await lock.release(), true);
    await world.end();
  });
}

test('what too few nodes took is written all the same, where nobody is told that it is theirs', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server, strict, events } = world;
  const weak = server.faults.accepted(WRITES);
  await strict.put('key', 1, '1m');
  assert.equal(await strict.get('key'), 1);
  assert.equal(await strict.set('key', 2, '1m'), true);
  assert.equal(await strict.touch('key', '2m'), true);
  assert.equal(await strict.forget('key'), true);
  await strict.tags(['tag']).put('key', 3, '1m');
  assert.equal(await strict.get('key'), 3);
  await strict.tags(['tag']).flush();
  assert.equal(await strict.get('key'), null);
  await strict.put('key', 4, '1m');
  await strict.flush();
  assert.equal(await strict.get('key'), null);
  assert.ok(weak.hits >= 8);
  assert.deepEqual(events, []);
  await world.end();
});

test('a cluster of which too few nodes take anything, for longer', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server, strict } = world;
  server.faults.accepted(WRITES);
  const [lock, added, counted] = await Promise.allSettled([
    strict.lock('key', { ttl: '1m', wait: 0 }),
    strict.add('added', 1, '1m'),
    strict.increment('counter'),
  ]);
  assert.notDeepEqual([lock.status, lock.value?.acquired], ['fulfilled', true]);
  assert.equal(added.status, 'rejected');
  assert.equal(counted.status, 'rejected');
  assert.equal(await world.open.remember('made', '1m', () => 'made'), 'made');
  server.faults.clear();
  // What was given back can be had at once.
  const other = world.another();
  assert.equal((await other.lock('key', { ttl: '1m', wait: '500ms', maxRetries: 20 })).acquired, true);
  assert.equal(await other.add('added', 2, '1m'), true);
  assert.equal(await other.remember('made', '1m', () => 'made again'), 'made again');
  await world.end({ recovery: await world.recovers() });
});

test('a whole answer of 202 whose rows do not say which of them it is about', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { strict } = world;
  // An older server says it by the status alone.
  const weak = world.server.faults.accepted(writing(isKey));
  const held = world.server.faults.hold(({ path }) => WRITES.test(path));
  const locks = ['key', 'other:key'].map((name) => strict.lock(name, { ttl: '1m', wait: 0 }));
  await held.arrived;
  held.release();
  for (const { acquired } of await Promise.all(locks)) assert.ok(acquired);
  assert.ok(weak.hits > 0);
  await world.end();
});
