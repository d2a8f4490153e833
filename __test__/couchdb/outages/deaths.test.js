'use strict';

// The server goes away and comes back.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { SECRET, USER } = require('../../support/outages/watch.js');
const { TIMEOUT, startWorld } = require('./world.js');
require('../../support/alive.js');

/** Nobody listens any more, and what was connected is reset. */
function die(server) {
  server.refuse();
  server.dropConnections();
}

for (const empty of [true, false]) {
  test(`a server that is gone and comes back ${empty ? 'empty' : 'with its data'}`, async (t) => {
    const world = await startWorld(t);
    const { server, strict } = world;
    await strict.put('kept', 'by the first', '1m');
    let gone = false;
    const rounds = world.rounds('either', () => gone);
    await world.flows(5);
    die(server);
    gone = true;
    await rounds;
    await until('it is noticed', async () => (await world.state()) === 'down');
    await world.round('down');
    await world.flows();
    await world.round('down');
    if (empty) server.destroyDatabase();
    await server.accept();
    const recovery = await world.recovers();
    assert.equal(await strict.get('kept'), empty ? null : 'by the first');
    await world.end({ recovery });
  });
}

test('a server that is restarted again and again under way', async (t) => {
  const world = await startWorld(t);
  let restarts = 0;
  const restarted = (async () => {
    for (; restarts < 4; restarts += 1) {
      await world.flows(20);
      die(world.server);
      await world.flows(5);
      if (restarts % 2 === 0) world.server.destroyDatabase();
      await world.server.accept();
    }
  })();
  await world.rounds('either', () => restarts === 4);
  await restarted;
  await world.end({ recovery: await world.recovers() });
});

test('a server that is down at the start and comes later', async (t) => {
  const world = await startWorld(t, { traffic: false, ready: false });
  const { server, strict } = world;
  server.refuse();
  await world.round('down');
  await assert.rejects(strict.ready(), { code: 'CACHE_UNAVAILABLE' });
  await world.round('down');
  await server.accept();
  await world.end({ recovery: await world.recovers() });
});

test('a server that is gone is asked by one attempt at a time, with pauses', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server, open } = world;
  // It is there, and refuses by its own words.
  const refused = server.faults.answer(undefined, 404, { error: 'not_found', reason: 'missing' });
  server.dropConnections();
  server.refuse();
  await open.get('key');
  await until('it is given up', async () => (await world.state()) === 'down');
  await server.accept();
  // The pauses grow; then each is at least half of the longest.
  await until('it is asked again and again', () => refused.hits > 20);
  const before = { hits: refused.hits, at: performance.now() };
  await Promise.all(Array.from({ length: 500 }, (_, at) => open.get(`key:${at}`)));
  await until('some more', () => refused.hits > before.hits + 10);
  // Each attempt finds no database and cannot make one: a few requests, and then a pause of at least 100 ms.
  const seconds = (performance.now() - before.at) / 1000;
  const rate = (refused.hits - before.hits) / seconds;
  assert.ok(rate <= 40, `${Math.round(rate)} requests a second`);
  server.faults.clear();
  await world.end({ recovery: await world.recovers(), rate });
});

test('a name that does not resolve', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const login = `${USER}:${encodeURIComponent(SECRET)}`;
  const config = { url: `http://${login}@no-such-host.invalid:5984` };
  const [strict, open] = [world.cache({ failOpen: false, config }), world.cache({ config })];
  const started = performance.now();
  await assert.rejects(strict.get('key'), { code: /CACHE_(UNAVAILABLE|TIMEOUT)/ });
  assert.equal(await open.get('key'), null);
  const longest = performance.now() - started;
  assert.ok(longest < 2 * TIMEOUT, `two reads took ${longest} ms`);
  await assert.rejects(strict.ready(), { code: 'CACHE_UNAVAILABLE' });
  await world.end({ longest });
});
