'use strict';

// A request that was given up may still be on its way. When it arrives it must not undo what came after it.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { until } = require('../../support/wait.js');
const { TIMEOUT, WRITES, startWorld } = require('./world.js');
require('../../support/alive.js');

const put = (cache) => cache.put('key', 1, '1m');
const forgotten = async (cache) => {
  await put(cache);
  await cache.forget('key');
};

/**
 * What an app asks before the server stops, each under a prefix of its own, and is told that it timed out.
 *
 * @type {Record<string, { before?: (cache: any) => Promise<unknown>, ask: (cache: any) => Promise<unknown> }>}
 */
const older = {
  put: { ask: (cache) => cache.put('key', 'older', '1m') },
  'put over what was forgotten': { before: forgotten, ask: (cache) => cache.put('key', 'older', '1m') },
  'put over another': { before: put, ask: (cache) => cache.put('key', 'older', '1m') },
  'tagged put': { ask: (cache) => cache.tags(['tag']).put('key', 'older', '1m') },
  'tagged put over another': { before: put, ask: (cache) => cache.tags(['tag']).put('key', 'older', '1m') },
  add: { ask: (cache) => cache.add('key', 'older', '1m') },
  increment: { ask: (cache) => cache.increment('key', 1, '1m') },
  'increment of a counter': { before: put, ask: (cache) => cache.increment('key', 1, '1m') },
  forget: { before: put, ask: (cache) => cache.forget('key') },
  pull: { before: put, ask: (cache) => cache.pull('key') },
  touch: { before: put, ask: (cache) => cache.touch('key', '1s') },
  flush: { before: put, ask: (cache) => cache.flush() },
};

const newer = {
  put: (cache) => cache.put('key', 'newer', '1m'),
  forget: (cache) => cache.forget('key'),
  pull: (cache) => cache.pull('key'),
  flush: (cache) => cache.flush(),
  'tag flush': (cache) => cache.tags(['tag']).flush(),
};

/**
 * Holds the writes of all of `older` at the server until they have timed out.
 *
 * @param {any} world
 * @param {{ name: string, cache: any }[]} cases
 */
async function giveUp(world, cases) {
  const { server } = world;
  await Promise.all(cases.map(({ name, cache }) => older[name].before?.(cache)));
  let holding = true;
  const isKey = ({ _id }) => _id.endsWith(':key') && _id.startsWith('entry:');
  const held = server.faults.stall(({ path, body }) => holding && WRITES.test(path) && body.docs.some(isKey));
  const asked = cases.flatMap(({ name, cache }) => [older[name].ask(cache), older[name].ask(cache)]);
  for (const { status, reason } of await Promise.allSettled(asked)) {
    assert.equal(status, 'rejected');
    assert.match(reason.code, /CACHE_(TIMEOUT|UNAVAILABLE)/);
  }
  holding = false;
  const late = server.requests.slice();
  return async () => {
    assert.ok(held.hits >= cases.length, `of ${cases.length} only ${held.hits} were on their way`);
    held.release();
    await until('all has arrived', () => late.every(({ status }) => status !== undefined), { every: 2 });
  };
}

// Each of these waits until something has timed out: some wait together, but not so many that the thread is behind.
describe('a request that arrives late', { concurrency: 4 }, () => {
  for (const [name, ask] of Object.entries(newer)) {
    test(`what timed out does not take effect after a newer ${name}`, async (t) => {
      const world = await startWorld(t, { traffic: false });
      const tagged = (each) => each.startsWith('tagged');
      const chosen = Object.keys(older).filter((each) => name !== 'tag flush' || tagged(each));
      const cases = chosen.map((each, at) => ({
        name: each,
        // Each has a connection of its own, so that none waits behind another to be sent.
        cache: world.another().namespace(`case${at}`),
        at,
      }));
      const arrive = await giveUp(world, cases);
      await Promise.all(cases.map(({ cache }) => ask(cache)));
      await arrive();
      const other = world.another();
      const expected = name === 'put' ? 'newer' : null;
      const undone = [];
      for (const { name: each, cache, at } of cases) {
        const values = [await cache.get('key'), await other.namespace(`case${at}`).get('key')];
        const lasts = name !== 'put' || (await cache.ttl('key')) > 30;
        if (values.some((value) => value !== expected) || !lasts) undone.push([each, ...values]);
      }
      assert.deepEqual(undone, []);
      await world.end();
    });
  }

  test('a factory whose result was not stored in time does not store it after a newer put', async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, strict } = world;
    let held;
    const computed = strict.remember('key', '1m', async () => {
      held = server.faults.hold({ path: WRITES });
      return 'older';
    });
    // Whether who computed it is told of the time-out depends on when its lease lapses.
    await computed.catch(({ code }) => assert.equal(code, 'CACHE_TIMEOUT'));
    await strict.put('key', 'newer', '1m');
    const late = await held.arrived;
    held.release();
    await until('it has arrived', () => late.status !== undefined);
    assert.equal(await strict.get('key'), 'newer');
    assert.equal(await world.another().get('key'), 'newer');
    await world.end();
  });

  test('a factory whose lease was not had in time keeps nobody from computing', async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, open, strict } = world;
    const held = server.faults.hold({ path: WRITES });
    assert.equal(await open.remember('key', '1m', () => 'alone'), 'alone');
    const late = await held.arrived;
    held.release();
    await until('it has arrived', () => late.status !== undefined);
    // What is there now is a lease that nobody has.
    const started = performance.now();
    assert.equal(await strict.remember('key', '1m', () => 'made'), 'made');
    assert.equal(await strict.get('key'), 'made');
    const millis = performance.now() - started;
    assert.ok(millis < TIMEOUT, `it took ${Math.round(millis)} ms`);
    await world.end({ millis });
  });

  for (const [how, applied] of /** @type {const} */ ([
    ['while it was on its way there', false],
    ['while its answer was on its way', true],
  ])) {
    test(`a lock that was given up ${how} is held by nobody afterwards`, async (t) => {
      const world = await startWorld(t, { traffic: false });
      const { server, strict } = world;
      const names = ['one', 'two'];
      const held = server.faults.stall(undefined, { applied });
      const asked = names.map((name) => strict.lock(name, { ttl: '1m', wait: 0 }));
      for (const { status } of await Promise.allSettled(asked)) assert.equal(status, 'rejected');
      held.release();
      await world.recovers();
      for (const name of names) {
        const { acquired, release } = await world
          .another()
          .lock(name, { ttl: '1m', wait: '2s', maxRetries: 20 });
        assert.ok(acquired, `the lock ${name} is held by a caller who was told that it was not had`);
        await release();
      }
      await world.end();
    });
  }

  test('a lock whose taking arrives late is held by nobody afterwards', async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, strict } = world;
    const held = server.faults.hold({ path: WRITES });
    await assert.rejects(strict.lock('name', { ttl: '1m', wait: 0 }), { code: 'CACHE_TIMEOUT' });
    const late = await held.arrived;
    // What gives it back for sure finds nothing to give back yet.
    await server.seen((request) => request.at > late.at && request.status !== undefined);
    held.release();
    await until('it has arrived', () => late.status !== undefined);
    const { acquired, release } = await world
      .another()
      .lock('name', { ttl: '1m', wait: '2s', maxRetries: 20 });
    assert.ok(acquired, 'the lock is held by a caller who was told that it was not had');
    await release();
    await world.end();
  });

  test('a flush after an outage asks for nothing that was never sent', async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, open, strict } = world;
    server.refuse();
    server.dropConnections();
    await open.get('key');
    await until('it is noticed', async () => (await world.state()) === 'down');
    await Promise.all(Array.from({ length: 1500 }, (_, at) => open.put(`key:${at}`, at, '1m')));
    await server.accept();
    await until('it is back', () => strict.ready().then(() => true));
    const { length } = server.requests;
    await strict.flush();
    const asked = server.requests.length - length;
    assert.ok(asked < 20, `${asked} requests`);
    assert.equal(world.database.ids().filter((id) => id.startsWith('entry:')).length, 0);
    await world.end({ asked });
  });

  test('a flush looks once, and together, for what may be late', async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, open, strict } = world;
    const held = server.faults.stall(WRITES);
    await Promise.all(Array.from({ length: 300 }, (_, at) => open.put(`key:${at}`, at, '1m')));
    held.release();
    await until('it is back', () => strict.ready().then(() => true));
    const counts = [];
    for (let flush = 0; flush < 2; flush += 1) {
      const { length } = server.requests;
      await strict.flush();
      counts.push(server.requests.length - length);
    }
    assert.ok(counts[0] < 50 && counts[1] < 20, `${counts.join(' and ')} requests`);
    await world.end();
  });
});
