'use strict';

// The server, or the way to it, goes away and comes back.

const assert = require('node:assert/strict');
const net = require('node:net');
const { test } = require('node:test');
const { setTimeout: delay } = require('node:timers/promises');
const { startServer } = require('../support/server.js');
const { until } = require('../../support/wait.js');
const { SECRET } = require('../../support/outages/watch.js');
const { startWorld } = require('./world.js');
require('../../support/alive.js');

for (const resp3 of [true, false]) {
  test(`a server that is killed and started again, empty${resp3 ? '' : ', without RESP3'}`, async (t) => {
    const world = await startWorld(t, { resp3 });
    await world.open.put('kept', 'by the first', '1m');
    const rounds = world.rounds('either', () => !world.server.running);
    await world.server.kill();
    await rounds;
    await until('it is noticed', async () => (await world.open.stats()).connection.state === 'down');
    await world.round('down');
    await world.flows();
    await world.round('down');
    await world.server.start(world.server.port);
    const recovery = await world.recovers();
    assert.equal(await world.strict.get('kept'), null);
    await world.end({ recovery });
  });
}

test('a server that is restarted, empty, again and again under way', async (t) => {
  const world = await startWorld(t);
  let restarts = 0;
  const restarted = (async () => {
    for (; restarts < 4; restarts += 1) {
      await world.flows(20);
      await world.server.restart();
    }
  })();
  await world.rounds('either', () => restarts === 4);
  await restarted;
  await world.end({ recovery: await world.recovers() });
});

test('a server that moves to another port behind the same address', async (t) => {
  const world = await startWorld(t);
  const other = await startServer(t, { requirepass: SECRET });
  const rounds = world.rounds('either', () => !world.server.running);
  world.proxy.retarget(other);
  await world.server.kill();
  await rounds;
  await world.end({ recovery: await world.recovers() });
});

test('a connection that is reset in the middle of a reply', async (t) => {
  const world = await startWorld(t);
  await world.open.put('large', 'x'.repeat(100_000), '1m');
  for (const afterBytes of [700, 5000, 50_000]) {
    const before = (await world.open.stats()).connection.reconnects;
    world.proxy.cut({ afterBytes });
    const resets = async () => {
      void world.strict.get('large').catch(() => {});
      return (await world.open.stats()).connection.reconnects > before + 2;
    };
    await world.rounds('either', resets);
    world.proxy.heal();
  }
  const recovery = await world.recovers();
  assert.equal((await world.strict.get('large')).length, 100_000);
  await world.end({ recovery });
});

test('a read whose connection is reset in the middle of its reply is asked again by itself', async (t) => {
  const world = await startWorld(t, { traffic: false });
  await world.strict.put('large', 'x'.repeat(100_000), '1m');
  await world.strict.put('small', 1, '1m');
  const reads = {
    get: async () => (await world.strict.get('large')).length === 100_000,
    many: async () => (await world.strict.many(['large', 'small'])).get('large').length === 100_000,
    has: () => world.strict.has('small'),
    ttl: async () => (await world.strict.ttl('small')) > 50,
  };
  for (const [name, read] of Object.entries(reads)) {
    const { reconnects } = (await world.strict.stats()).connection;
    world.proxy.pause('replies');
    const sent = world.proxy.counters.requestBytes;
    const reading = read();
    await until('it is sent', () => world.proxy.counters.requestBytes > sent, { every: 1 });
    world.proxy.dropConnections();
    world.proxy.resume();
    assert.equal(await reading, true, name);
    assert.ok((await world.strict.stats()).connection.reconnects > reconnects, name);
  }
  await world.end();
});

test('half a reply, and nothing after it', async (t) => {
  const world = await startWorld(t);
  world.proxy.half();
  await world.rounds('either', async () => (await world.open.stats()).connection.state === 'down');
  await world.round('down');
  world.proxy.heal();
  await world.end({ recovery: await world.recovers() });
});

test('connections that the server kills', async (t) => {
  const world = await startWorld(t);
  let kills = 0;
  const killed = (async () => {
    for (; kills < 20; kills += 1) {
      await world.flows(5);
      await world.server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
  })();
  await world.rounds('either', () => kills === 20);
  await killed;
  await world.end({ recovery: await world.recovers() });
});

test('what was under way when a connection was lost is not done twice', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const counts = { done: 0, failed: 0 };
  const longest = Array.from({ length: 50 }, async () => {
    while ((await world.strict.stats()).connection.reconnects < 15) {
      await world.strict.increment('counter').then(
        () => (counts.done += 1),
        () => (counts.failed += 1),
      );
    }
  });
  for (let drop = 0; drop < 15; drop += 1) {
    const { done } = counts;
    await until('some are counted', () => counts.done > done + 200, { every: 1 });
    world.proxy.dropConnections();
  }
  await Promise.all(longest);
  const counter = await world.strict.get('counter');
  assert.ok(
    counter >= counts.done && counter <= counts.done + counts.failed,
    JSON.stringify({ counter, ...counts }),
  );
  await world.end({ counter, ...counts });
});

test('connections that end as soon as they are made are not made again without pauses', async (t) => {
  const world = await startWorld(t, { traffic: false });
  let made = 0;
  const passing = net.createServer((client) => {
    made += 1;
    const upstream = net.connect({ host: world.server.host, port: world.server.port });
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end);
    client.pipe(upstream).pipe(client);
    setTimeout(end, 20);
  });
  t.after(() => passing.close());
  await new Promise((resolve) => {
    passing.listen({ host: '127.0.0.1', port: 0 }, () => resolve(undefined));
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (passing.address());
  const cache = world.cache({ config: { host: '127.0.0.1', port, password: SECRET } });
  await cache.ready();
  const before = made;
  // An idle app for a second: with pauses of up to 200 ms it is about ten.
  await delay(1000);
  const storm = made - before;
  assert.ok(storm <= 20, `${storm} connections in a second`);
  await world.end({ storm });
});

test('a server that is down at the start and comes later', async (t) => {
  const world = await startWorld(t, { traffic: false });
  await world.server.kill();
  await world.round('down');
  await assert.rejects(world.strict.ready(), { code: 'CACHE_UNAVAILABLE' });
  await world.round('down');
  await world.server.start(world.server.port);
  await world.end({ recovery: await world.recovers() });
});

test('a name that does not resolve', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const config = { url: `redis://:${encodeURIComponent(SECRET)}@no-such-host.invalid:6390` };
  const options = { failOpen: false, config };
  const [strict, open] = [world.cache(options), world.cache({ config })];
  const started = performance.now();
  await assert.rejects(strict.get('key'), { code: /CACHE_(UNAVAILABLE|TIMEOUT)/ });
  assert.equal(await open.get('key'), null);
  const longest = performance.now() - started;
  assert.ok(longest < 800, `two reads took ${longest} ms`);
  await assert.rejects(strict.ready(), { code: 'CACHE_UNAVAILABLE' });
  await world.end({ longest });
});
