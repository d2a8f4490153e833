'use strict';

// A server that accepts and does not answer.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setTimeout: delay } = require('node:timers/promises');
const { until } = require('../../support/wait.js');
const { SLACK, TIMEOUT, startWorld } = require('./world.js');
require('../../support/alive.js');

const state = async (world) => (await world.strict.stats()).connection.state;
const timed = async (promise) => {
  const started = performance.now();
  await promise.catch(() => {});
  return performance.now() - started;
};

test('a server that stops for five seconds and goes on', async (t) => {
  const world = await startWorld(t);
  const stopped = performance.now();
  await world.stall();
  await world.rounds('either', async () => (await state(world)) === 'down');
  await world.rounds('down', async () => {
    await delay(100);
    return performance.now() - stopped > 5000;
  });
  world.server.resume();
  await world.end({ recovery: await world.recovers() });
});

for (const [how, puts] of [
  ['on the connection that is kept', 1],
  ['on one that was given up', 5],
]) {
  test(`a put that timed out does not take effect after a newer one: ${how}`, async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { strict, server } = world;
    for (let pass = 0; pass < 5; pass += 1) {
      await strict.put('key', 'before', '1m');
      await world.stall();
      const older = Array.from({ length: puts }, async (_, at) => {
        // One pipeline each.
        await delay(at * 5);
        await strict.put('key', 'older', '1m');
      });
      const settled = await Promise.allSettled(older);
      assert.ok(settled.every(({ status }) => status === 'rejected'));
      if (puts > 3) await until('it is given up', async () => (await state(world)) === 'down');
      server.resume();
      await until('a newer one is stored', () => strict.put('key', 'newer', '1m').then(() => true), {
        every: 1,
      });
      assert.equal(await strict.get('key'), 'newer');
      // Whatever the older ones left is behind what a further connection asks.
      const reader = await server.connect();
      for (let look = 0; look < 20; look += 1) await reader.command('PING');
      reader.close();
      assert.equal(await strict.get('key'), 'newer');
      assert.match(await server.cli('GET', 'cache:key'), /newer/);
    }
    await world.end();
  });
}

/** What an app asked before the server stopped, and was told that it timed out. */
const older = {
  'tagged put': (cache) => cache.tags(['tag']).put('key', 'older', '1m'),
  forget: (cache) => cache.forget('key'),
  pull: (cache) => cache.pull('key'),
  touch: (cache) => cache.touch('key', '1s'),
  increment: (cache) => cache.increment('key', 1, '1m'),
  flush: (cache) => cache.flush(),
};

for (const [name, ask] of Object.entries(older)) {
  test(`a ${name} that timed out does not take effect after a newer put`, async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, strict } = world;
    for (const times of [1, 4]) {
      await strict.put('key', 1, '1m');
      await world.stall();
      const asked = Array.from({ length: times }, async (_, at) => {
        await delay(at * 5);
        await ask(strict);
      });
      const settled = await Promise.allSettled(asked);
      assert.ok(settled.every(({ status }) => status === 'rejected'));
      server.resume();
      await until('a newer one is stored', () => strict.put('key', 'newer', '1m').then(() => true), {
        every: 1,
      });
      for (let look = 0; look < 20; look += 1) await server.cli('PING');
      assert.equal(await strict.get('key'), 'newer');
      assert.ok((await strict.ttl('key')) > 30);
    }
    await world.end();
  });
}

test('a factory whose result was not stored in time does not store it after a newer put', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server, strict } = world;
  for (let pass = 0; pass < 3; pass += 1) {
    await strict.forget('key');
    const computed = strict.remember('key', '1m', async () => {
      await world.stall();
      return 'older';
    });
    await assert.rejects(computed, { code: 'CACHE_TIMEOUT' });
    server.resume();
    await until('a newer one is stored', () => strict.put('key', 'newer', '1m').then(() => true), {
      every: 1,
    });
    for (let look = 0; look < 20; look += 1) await server.cli('PING');
    assert.equal(await strict.get('key'), 'newer');
  }
  await world.end();
});

for (const [how, locks] of [
  ['the connection is kept', 1],
  ['it is given up', 5],
]) {
  test(`a lock that was not had in time is held by nobody afterwards: ${how}`, async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, strict } = world;
    await strict.ready();
    await world.stall();
    const asked = Array.from({ length: locks }, async (_, at) => {
      await delay(at * 5);
      await strict.lock(`lock:${at}`, { ttl: '1m', wait: 0 });
    });
    const settled = await Promise.allSettled(asked);
    assert.ok(settled.every(({ status }) => status === 'rejected'));
    server.resume();
    await world.recovers();
    for (let at = 0; at < locks; at += 1) {
      const { acquired, release } = await strict.lock(`lock:${at}`, {
        ttl: '1m',
        wait: '2s',
        maxRetries: 20,
      });
      assert.ok(acquired, `lock ${at} is held by a caller who was told that it was not had`);
      await release();
    }
    await world.end();
  });
}

for (const direction of /** @type {const} */ (['requests', 'replies'])) {
  test(`a network that loses the ${direction} for a while`, async (t) => {
    const world = await startWorld(t);
    world.proxy.pause(direction);
    await world.rounds('either', async () => (await state(world)) === 'down');
    await world.round('down');
    await world.flows();
    await world.round('down');
    world.proxy.resume();
    await world.end({ recovery: await world.recovers() });
  });

  test(`pauses of the ${direction} that are shorter than the time-out do no harm`, async (t) => {
    const world = await startWorld(t);
    for (let pause = 0; pause < 5; pause += 1) {
      world.proxy.pause(direction);
      const rounds = world.round('either');
      await delay(TIMEOUT / 4);
      world.proxy.resume();
      await rounds;
    }
    assert.equal((await world.open.stats()).connection.reconnects, 0);
    await world.end({ recovery: await world.recovers() });
  });
}

test('an operation settles by its own deadline while ready() waits for longer', async (t) => {
  const world = await startWorld(t, { traffic: false, config: { connectTimeout: '3s' } });
  await world.stall();
  const ready = world.strict.ready().catch(() => {});
  const longest = await timed(world.strict.get('key'));
  world.server.resume();
  await ready;
  assert.ok(longest < TIMEOUT + SLACK, `a get took ${Math.round(longest)} ms of ${TIMEOUT}`);
  await world.end({ longest });
});

test('an operation that waited for the connection settles by its own deadline', async (t) => {
  const config = { commandTimeout: '1s', connectTimeout: '3s' };
  const world = await startWorld(t, { traffic: false, config });
  world.proxy.replace('GET', ['BLPOP', 'nothing', '3']);
  world.proxy.pause();
  const early = timed(world.strict.get('early'));
  await delay(900);
  // It is sent with the first one, and its deadline is a later one.
  const late = timed(world.strict.get('late'));
  world.proxy.resume();
  const longest = await early;
  await late;
  world.proxy.heal();
  assert.ok(longest < 1000 + SLACK, `a get took ${Math.round(longest)} ms of 1000`);
  await world.end({ longest });
});

test('who comes back after a stall ends no connection of another client', async (t) => {
  const world = await startWorld(t, { traffic: false, secured: false });
  const { proxy, server, strict } = world;
  // The numbers of connections begin anew with each start of a server.
  const first = await Promise.all(Array.from({ length: 30 }, () => server.connect()));
  await strict.ready();
  const own = Number((await server.cli('CLIENT', 'LIST')).match(/id=(\d+) [^\n]*resp=3/)?.[1]);
  assert.ok(own > 0);
  await world.stall();
  await until('it is given up', async () => {
    await strict.get('key').catch(() => {});
    return (await state(world)) === 'down';
  });
  proxy.refuse();
  proxy.dropConnections();
  await server.restart();
  const others = [];
  for (let id = 0; id <= own;) {
    const other = await server.connect();
    others.push(other);
    id = await other.command('CLIENT', 'ID');
  }
  proxy.accept();
  await strict.ready().catch(() => {});
  await until('it is back', async () => (await state(world)) === 'up');
  for (const other of others) assert.equal(await other.command('PING'), 'PONG');
  for (const other of [...first, ...others]) other.close();
  await world.end();
});
