'use strict';

// A server that takes requests and does not answer, or not in time.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: delay } = require('node:timers/promises');
const { until } = require('../../support/wait.js');
const { SLACK, TIMEOUT, WRITES, startWorld } = require('./world.js');
require('../../support/alive.js');

const isDown = async (world) => (await world.state()) === 'down';

/** What can keep a server from answering; each gives what ends it. */
const silences = {
  'that answers nothing': ({ faults }) => {
    const stalled = faults.stall();
    return () => stalled.release();
  },
  'that takes connections and reads nothing': (server) => {
    const held = server.holdConnections();
    server.dropConnections();
    return held.release;
  },
  'that says half of each answer': ({ faults }) => {
    const half = faults.half(undefined, { stall: true });
    return () => half.release();
  },
  'that answers too late': ({ faults }) => {
    const late = faults.delay(() => true, 1.2 * TIMEOUT);
    return () => late.release();
  },
};

for (const [how, begin] of Object.entries(silences)) {
  test(`a server ${how}, for a while`, async (t) => {
    const world = await startWorld(t);
    const end = begin(world.server);
    await world.rounds('either', () => isDown(world));
    const { events } = world;
    const before = events.length;
    await world.round('down');
    await world.flows();
    await world.round('down');
    assert.ok(events.length > before);
    end();
    await world.end({ recovery: await world.recovers() });
  });
}

test('answers that are slow, and in time, do no harm', async (t) => {
  const world = await startWorld(t, { patient: true });
  world.server.faults.delay(() => true, 20);
  for (let round = 0; round < 3; round += 1) await world.round('up');
  world.server.faults.clear();
  world.server.faults.pieces(() => true, 200);
  for (let round = 0; round < 3; round += 1) await world.round('up');
  world.server.faults.clear();
  assert.equal((await world.open.stats()).connection.reconnects, 0);
  await world.end({ recovery: await world.recovers() });
});

test('pauses that are shorter than the time-out do no harm', async (t) => {
  const world = await startWorld(t);
  for (let pause = 0; pause < 4; pause += 1) {
    const stalled = world.server.faults.stall();
    const rounds = world.round('up');
    await stalled.seen(1);
    await delay(TIMEOUT / 8);
    stalled.release();
    await rounds;
  }
  assert.equal((await world.open.stats()).connection.reconnects, 0);
  await world.end({ recovery: await world.recovers() });
});

test('one request that is not answered keeps no other from its answer', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server, strict } = world;
  await strict.put('key', 1, '1m');
  const held = server.faults.hold({ path: WRITES, body: ({ docs }) => docs[0]._id.endsWith(':slow') });
  const slow = assert.rejects(strict.put('slow', 1, '1m'), { code: 'CACHE_TIMEOUT' });
  await held.arrived;
  await strict.put('quick', 2, '1m');
  assert.equal(await strict.get('quick'), 2);
  assert.equal(await strict.get('key'), 1);
  assert.equal((await strict.stats()).connection.pending, 1);
  await slow;
  held.release();
  await world.end();
});

test('an operation settles by its own deadline while ready() waits for longer', async (t) => {
  const world = await startWorld(t, { traffic: false, config: { connectTimeout: '3s' } });
  const { server, strict } = world;
  const stalled = server.faults.stall();
  const ready = strict.ready().catch(() => {});
  const started = performance.now();
  await assert.rejects(strict.get('key'), { code: 'CACHE_TIMEOUT' });
  const longest = performance.now() - started;
  stalled.release();
  await ready;
  assert.ok(longest < TIMEOUT + SLACK, `a get took ${Math.round(longest)} ms of ${TIMEOUT}`);
  await world.end({ longest });
});

test('an operation settles by its own deadline behind others on its key', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server, strict } = world;
  let put;
  let read;
  let longest = 0;
  const computed = strict.remember('key', '1m', async () => {
    const stalled = server.faults.stall(WRITES);
    put = assert.rejects(strict.put('key', 1, '1m'), { code: 'CACHE_TIMEOUT' });
    await stalled.seen(1);
    return 'computed';
  });
  // Behind the put and behind what is done with the factory's result.
  const filling = until('the factory is done', () => put !== undefined, { every: 1 }).then(async () => {
    await delay(TIMEOUT / 4);
    const started = performance.now();
    read = await strict.get('key').catch((error) => error.code);
    longest = performance.now() - started;
  });
  // Whether who computed it is told of the time-out depends on when its lease lapses.
  await computed.catch(({ code }) => assert.equal(code, 'CACHE_TIMEOUT'));
  await Promise.all([put, filling]);
  server.faults.clear();
  assert.ok(longest < TIMEOUT + SLACK, `a get took ${Math.round(longest)} ms of ${TIMEOUT}: ${read}`);
  await world.end({ longest });
});

describe('a flush', { concurrency: true }, () => {
  for (const [how, begin] of Object.entries({
    'are not answered': ({ faults }) => faults.stall(WRITES),
    'are cut off': ({ faults }) => faults.drop(WRITES),
    'conflict again and again': ({ faults }) => faults.conflict(WRITES),
    'fail one by one': ({ faults }) => faults.failRows(WRITES),
  })) {
    test(`ends within its bounds where the removals ${how}`, async (t) => {
      const world = await startWorld(t, { traffic: false });
      const { server, strict } = world;
      await strict.put('key', 1, '1m');
      begin(server);
      const started = performance.now();
      const flushed = strict.flush().then(
        () => 'done',
        (error) => error.code,
      );
      const late = delay(2 * TIMEOUT + SLACK, 'never', { ref: false });
      const outcome = await Promise.race([flushed, late]);
      const millis = performance.now() - started;
      server.faults.clear();
      assert.match(outcome, /CACHE_(UNAVAILABLE|TIMEOUT)/, `after ${Math.round(millis)} ms: ${outcome}`);
      await flushed;
      await world.end({ millis });
    });
  }
});
