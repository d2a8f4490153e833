'use strict';

// Connections break: between requests, in the middle of a reply, or before the server has read a request.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { READS, WRITES, startWorld } = require('./world.js');
require('../../support/alive.js');

const LISTS = /\/_all_docs$/;

/** Every so many of them. */
function each(count, path) {
  let seen = 0;
  return (request) => path.test(request.path) && (seen += 1) % count === 0;
}

test('idle connections that the server has closed are no outage', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  for (let round = 0; round < 10; round += 1) {
    await world.round('up');
    world.server.dropConnections();
  }
  assert.equal((await world.open.stats()).connection.reconnects, 0);
  await world.end({ recovery: await world.recovers() });
});

test('connections that the server closes under way', async (t) => {
  const world = await startWorld(t);
  let drops = 0;
  const dropped = (async () => {
    for (; drops < 20; drops += 1) {
      await world.flows(5);
      world.server.dropConnections();
    }
  })();
  await world.rounds('either', () => drops === 20);
  await dropped;
  await world.end({ recovery: await world.recovers() });
});

for (const [what, path] of /** @type {const} */ ([
  ['reads', READS],
  ['writes', WRITES],
  ['lists', LISTS],
])) {
  // A third of what is asked may be three requests of one store in a row, by which it would give the server up: that
  // is looked at elsewhere.
  const stubborn = { patient: true, config: { breakerThreshold: 100 } };

  test(`replies to ${what} that are cut in the middle, now and then`, async (t) => {
    const world = await startWorld(t, stubborn);
    const cut = world.server.faults.half(each(3, path));
    for (let round = 0; round < 5; round += 1) await world.round('up');
    assert.ok(cut.hits > 3, `${cut.hits} replies were cut`);
    world.server.faults.clear();
    await world.end({ recovery: await world.recovers(), cut: cut.hits });
  });

  test(`${what} whose connection is reset before they are read, now and then`, async (t) => {
    const world = await startWorld(t, stubborn);
    const dropped = world.server.faults.drop(each(3, path));
    for (let round = 0; round < 5; round += 1) await world.round('up');
    assert.ok(dropped.hits > 3, `${dropped.hits} requests were dropped`);
    world.server.faults.clear();
    await world.end({ recovery: await world.recovers(), dropped: dropped.hits });
  });
}

test('a read whose reply is lost is asked again by itself', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server, strict } = world;
  await strict.put('large', 'x'.repeat(100_000), '1m');
  await strict.put('small', 1, '1m');
  const keys = async () => {
    const found = [];
    for await (const key of strict.keys()) found.push(key);
    return found.length === 2;
  };
  const reads = {
    get: async () => (await strict.get('large')).length === 100_000,
    many: async () => (await strict.many(['large', 'small'])).get('large').length === 100_000,
    has: () => strict.has('small'),
    ttl: async () => (await strict.ttl('small')) > 50,
    keys,
  };
  for (const [name, read] of Object.entries(reads)) {
    const cut = server.faults.half({ path: name === 'keys' ? LISTS : READS, times: 2 });
    assert.equal(await read(), true, name);
    assert.equal(cut.hits, 2, name);
  }
  await world.end();
});

test('a server that resets every connection is given up, and asked again with pauses', async (t) => {
  const world = await startWorld(t);
  const { server } = world;
  const dropped = server.faults.drop();
  const given = async () => {
    await world.round('either');
    return (await world.state()) === 'down';
  };
  await until('it is given up', given, { limit: 3000 });
  await world.round('down');
  // All three stores have met it by then.
  await world.flows(60);
  const before = { hits: dropped.hits, at: performance.now() };
  await until('it is asked again', () => dropped.hits > before.hits + 10);
  const rate = (dropped.hits - before.hits) / ((performance.now() - before.at) / 1000);
  assert.ok(rate <= 60, `${Math.round(rate)} requests a second, of three stores`);
  server.faults.clear();
  await world.end({ recovery: await world.recovers(), rate });
});

test('what was under way when a connection was lost is not done twice', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server, strict } = world;
  const counts = { done: 0, failed: 0 };
  let running = true;
  const counting = Array.from({ length: 20 }, async () => {
    while (running) {
      await strict.increment('counter').then(
        () => (counts.done += 1),
        () => (counts.failed += 1),
      );
    }
  });
  for (let drop = 0; drop < 15; drop += 1) {
    const { done } = counts;
    await until('some are counted', () => counts.done > done + 50, { every: 1 });
    server.dropConnections();
  }
  running = false;
  await Promise.all(counting);
  const counter = await strict.get('counter');
  const fits = counter >= counts.done && counter <= counts.done + counts.failed;
  assert.ok(fits, JSON.stringify({ counter, ...counts }));
  await world.end({ counter, ...counts });
});
