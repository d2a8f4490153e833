'use strict';

// A server that answers, and refuses.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { operations } = require('../../support/outages/operations.js');
const { SECRET } = require('../../support/outages/watch.js');
const { startWorld } = require('./world.js');
require('../../support/alive.js');

const state = async (world) => (await world.open.stats()).connection.state;
const isDown = (world) => until('it is down', async () => (await state(world)) === 'down', { every: 5 });

test('a server that has as many clients as it may', async (t) => {
  const world = await startWorld(t, { server: { config: [['maxclients', 20]] } });
  const { proxy, server } = world;
  proxy.refuse();
  proxy.dropConnections();
  const others = [];
  const full = async () => {
    others.push(await server.connect({ limit: 1000 }));
    await others.at(-1).command('PING');
    return false;
  };
  await until('the server is full', () => full().catch(() => true), { every: 0 });
  proxy.accept();
  await isDown(world);
  await world.round('down');
  await world.flows();
  await world.round('down');
  for (const other of others) other.close();
  await world.end({ recovery: await world.recovers() });
});

test('a password that is wrong from the start', async (t) => {
  const world = await startWorld(t, { traffic: false, server: { requirepass: `not ${SECRET}` } });
  const { host, port } = world.server;
  const caches = [
    { url: `redis://:${encodeURIComponent(SECRET)}@${host}:${port}` },
    { host, port, username: 'nobody', password: SECRET },
    { host, port },
  ].map((config) => world.cache({ failOpen: false, config }));
  for (const cache of caches) {
    const refusal = { code: 'CACHE_UNAVAILABLE', message: /WRONGPASS|NOAUTH/ };
    await assert.rejects(cache.get('key'), refusal);
    await assert.rejects(cache.ready(), refusal);
    // It is refused at once from then on.
    await assert.rejects(cache.put('key', 1), refusal);
    await cache.close();
  }
  await world.strict.get('key').catch(() => {});
  await isDown(world);
  await world.round('down');
  // The server's is made the right one: no restart of the app is needed.
  const admin = await world.server.connect();
  await admin.command('CONFIG', 'SET', 'requirepass', SECRET);
  admin.close();
  await world.end({ recovery: await world.recovers() });
});

test('a server that cannot check passwords does not have them shown', async (t) => {
  const renamed = [
    ['rename-command', 'HELLO', ''],
    ['rename-command', 'AUTH', ''],
  ];
  const world = await startWorld(t, { traffic: false, secured: false, server: { config: renamed } });
  const { host, port } = world.server;
  for (const username of [undefined, 'somebody']) {
    const config = { host, port, password: SECRET, ...(username && { username }) };
    const cache = world.cache({ failOpen: false, config });
    const error = await cache.get('key').then(
      () => assert.fail('it is refused'),
      (reason) => reason,
    );
    assert.equal(error.code, 'CACHE_UNAVAILABLE');
    world.watch.say(error);
  }
  await world.end();
});

test('a password that is set while the app runs', async (t) => {
  const world = await startWorld(t);
  const admin = await world.server.connect();
  await admin.command('CONFIG', 'SET', 'requirepass', 'another one');
  // Connections that are there stay.
  await world.round('up');
  world.proxy.dropConnections();
  await isDown(world);
  await world.round('down');
  await world.flows();
  await admin.command('CONFIG', 'SET', 'requirepass', SECRET);
  admin.close();
  await world.end({ recovery: await world.recovers() });
});

test('connections that lose their rights while they are open', async (t) => {
  const world = await startWorld(t);
  for (const name of ['GET', 'SET', 'EVALSHA', 'EVAL', 'MGET', 'SCAN']) {
    world.proxy.replace(name, ['EVAL', `return redis.error_reply('NOAUTH Authentication required.')`, '0']);
  }
  for (let round = 0; round < 5; round += 1) await world.round('down', { only: (name) => name !== 'flush' });
  const connections = world.proxy.counters.connections;
  await world.flows(100);
  const storm = world.proxy.counters.connections - connections;
  world.proxy.heal();
  await world.end({ recovery: await world.recovers(), storm });
});

test('two refusals in one answer, each of which gives the connection up', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { proxy, strict } = world;
  await strict.put('key', 0);
  proxy.fail('SET', "READONLY You can't write against a read only replica.");
  proxy.fail('GET', 'NOAUTH Authentication required.');
  const put = strict.put('key', 1);
  await assert.rejects(strict.get('key'), { code: 'CACHE_UNAVAILABLE', message: /NOAUTH/ });
  // The put waits for the primary, which another connection is to find.
  proxy.heal();
  await put;
  assert.equal(await strict.get('key'), 1);
  await world.end();
});

test('a server that loads its data when it is connected to', async (t) => {
  const world = await startWorld(t);
  world.proxy.fail('PING', 'LOADING Redis is loading the dataset in memory');
  world.proxy.dropConnections();
  await isDown(world);
  await world.round('down');
  await world.flows();
  world.proxy.heal();
  await world.end({ recovery: await world.recovers() });
});

test('a server that loads much data after a restart', async (t) => {
  const config = [
    ['key-load-delay', 500],
    ['loading-process-events-interval-bytes', 1024],
  ];
  const world = await startWorld(t, { server: { config } });
  const entries = Array.from({ length: 2000 }, (_, at) => [`loaded:${at}`, at]);
  await world.strict.putMany(new Map(entries), '1m');
  await world.server.restart({ empty: false });
  const loading = async () => (await world.server.info('persistence')).loading === '1';
  const begun = await loading();
  if (begun) await world.rounds('either', async () => !(await loading()));
  const recovery = await world.recovers();
  assert.equal(await world.strict.get('loaded:1999'), 1999);
  await world.end({ recovery, begun });
});

test('a server without memory: writes fail, reads and removals work', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { open, server, strict } = world;
  const keys = ['get', 'has', 'many', 'ttl', 'remember', 'pull', 'forget', 'keys:one', 'flush:one'];
  for (const key of keys) await strict.put(key, `value of ${key}`, '1m');
  await strict.tags(['tag']).put('tagged', 'tagged value', '1m');
  await server.cli('CONFIG', 'SET', 'maxmemory', 1);
  // What these scripts do is known to the server, or not yet: both are to work.
  await server.cli('SCRIPT', 'FLUSH');
  const isWrite = (name) => operations[name].writes === true;
  await world.round('down', { only: isWrite });
  await world.flows();
  for (const cache of [open, strict]) {
    assert.equal(await cache.get('get'), 'value of get');
    assert.equal(await cache.has('has'), true);
    assert.equal((await cache.many(['many'])).get('many'), 'value of many');
    assert.ok((await cache.ttl('ttl')) > 30);
    assert.equal(await cache.get('tagged'), 'tagged value');
    assert.equal(await cache.remember('remember', '1m', () => 'computed'), 'value of remember');
  }
  assert.equal(await strict.pull('pull'), 'value of pull');
  assert.equal(await strict.forget('forget'), true);
  await strict.namespace('flush').flush();
  assert.equal(await strict.get('flush:one'), null);
  await server.cli('CONFIG', 'SET', 'maxmemory', 0);
  await world.end({ recovery: await world.recovers() });
});

test('a server without memory, under way', async (t) => {
  const world = await startWorld(t);
  await world.server.cli('CONFIG', 'SET', 'maxmemory', 1);
  for (let round = 0; round < 10; round += 1) await world.round('either');
  assert.equal(await state(world), 'up');
  await world.flows();
  await world.server.cli('CONFIG', 'SET', 'maxmemory', 0);
  await world.end({ recovery: await world.recovers() });
});

test('a store that is emptied under way', async (t) => {
  const world = await startWorld(t);
  for (let round = 0; round < 15; round += 1) {
    const under = world.round('either');
    await world.server.cli('FLUSHALL');
    await under;
    await world.flows(5);
  }
  assert.equal((await world.open.stats()).connection.reconnects, 0);
  await world.end({ recovery: await world.recovers() });
});

test('scripts that are forgotten under way', async (t) => {
  const world = await startWorld(t);
  for (let round = 0; round < 15; round += 1) {
    const under = world.round('up');
    await world.server.cli('SCRIPT', 'FLUSH');
    await under;
    await world.flows(5);
  }
  assert.equal((await world.open.stats()).connection.reconnects, 0);
  await world.end({ recovery: await world.recovers() });
});

test('operations on a key keep their order when the scripts are forgotten', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server, strict } = world;
  await strict.put('key', 'older', '1m');
  await strict.forget('key');
  await strict.increment('counter', 1, '1m');
  await strict.put('key', 'older', '1m');
  await server.cli('SCRIPT', 'FLUSH');
  const [forgotten] = await Promise.all([strict.forget('key'), strict.put('key', 'newer', '1m')]);
  assert.equal(forgotten, true);
  assert.equal(await strict.get('key'), 'newer');
  await server.cli('SCRIPT', 'FLUSH');
  await Promise.all([strict.increment('counter', 1, '1m'), strict.put('counter', 10, '1m')]);
  assert.equal(await strict.get('counter'), 10);
  await world.end();
});
