'use strict';

// Redis where it cannot tell of keys: the processes tell each other, and where they cannot either nothing is kept.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { startProxy } = require('../redis/support/proxy.js');
const { startServer } = require('../redis/support/server.js');
const { openFor } = require('../support/open.js');
const { until } = require('../support/wait.js');
const { startPlainRedis } = require('./support/backends.js');
const { coherence } = require('./support/coherence.js');
const { startLanes } = require('./support/lanes.js');
const {
  LIMIT,
  comes,
  fresh,
  kept,
  openTiered,
  openTieredPeer,
  tierOf,
  tiered,
} = require('./support/open.js');
require('../support/alive.js');

const remote = ({ host, port }) => ({ driver: 'redis', host, port });

coherence('over Redis without RESP3', startPlainRedis);

test('what another program writes is not told, and a fresh read sees it', LIMIT, async (t) => {
  const server = await startServer(t);
  const cache = await openTiered(t, tiered(remote(await startLanes(t, server, { plain: true }))));
  const key = fresh('untold');
  await cache.put(key, 'old');
  await kept(cache, key);
  await server.cli('SET', `cache:${key}`, '"new"');
  assert.equal(await cache.get(key), 'old');
  assert.equal(await cache.get(key, { fresh: true }), 'new');
});

test('what a process wrote that died before it could tell reaches the others', LIMIT, async (t) => {
  const server = await startServer(t);
  const cache = await openTiered(t, tiered(remote(await startLanes(t, server, { plain: true }))));
  const lanes = await startLanes(t, server, { plain: true });
  const peer = await openTieredPeer(t, tiered(remote(lanes)));
  const key = fresh('died');
  await cache.put(key, 'old');
  await kept(cache, key);
  lanes.hold('data');
  const put = peer.call('put', key, 'new').catch(() => {});
  await until('it is written', async () => (await server.cli('GET', `cache:${key}`)) === '"new"');
  await peer.kill();
  await put;
  await comes(cache, key, (got) => got === 'new', 5000);
});

test('what could not be told when it was written is told when it can be', LIMIT, async (t) => {
  const server = await startServer(t);
  const cache = await openTiered(t, tiered(remote(await startLanes(t, server, { plain: true }))));
  const proxy = await startProxy(t, server);
  proxy.refuseHello3();
  const writer = await openTiered(t, tiered(remote(proxy)));
  const [keys, tagged] = [[fresh('key'), fresh('key')], fresh('tagged')];
  for (const key of keys) await cache.put(key, 'old');
  await cache.tags(['tag']).put(tagged, 'old');
  for (const key of [...keys, tagged]) await kept(cache, key);
  proxy.fail('PUBLISH', 'ERR not now');
  await writer.put(keys[0], 'new');
  await writer.tags(['other']).put(keys[1], 'new');
  await writer.tags(['tag']).flush();
  await proxy.seen('PUBLISH', 12);
  for (const key of [...keys, tagged]) assert.equal(await cache.get(key), 'old');
  proxy.heal();
  for (const key of keys) await comes(cache, key, (got) => got === 'new', 5000);
  await comes(cache, tagged, (got) => got === null, 5000);
});

/** One of two processes has RESP3, as where a proxy stands before the other or its user may not track. */
for (const [writes, plain] of Object.entries({
  'a process that is told by tracking': false,
  'a process that is told by the others': true,
})) {
  test(`what ${writes} writes reaches those that are told in the other way`, LIMIT, async (t) => {
    const server = await startServer(t);
    const lanes = await startLanes(t, server, { plain: true });
    const [own, others] = plain ? [server, lanes] : [lanes, server];
    const [cache, peer] = [
      await openTiered(t, tiered(remote(own))),
      await openTieredPeer(t, tiered(remote(others))),
    ];
    assert.deepEqual(
      [(await cache.stats()).memory?.invalidation, (await peer.call('stats')).memory.invalidation],
      plain ? ['tracking', 'pubsub'] : ['pubsub', 'tracking'],
    );
    const key = fresh('mixed');
    await cache.put(key, 'old');
    await kept(cache, key);
    await peer.call('put', key, 'new');
    await comes(cache, key, (got) => got === 'new', 5000);
  });
}

for (const how of /** @type {const} */ (['noproto', 'unknown'])) {
  test(`a server that refuses to tell (${how}) is asked each time, and never believed`, LIMIT, async (t) => {
    const server = await startServer(t);
    const proxy = await startProxy(t, server);
    proxy.refuseHello3(how);
    proxy.fail('SUBSCRIBE', 'NOPERM this user has no permissions to access one of the channels');
    const cache = openFor(
      t,
      tiered({ ...remote(proxy), reconnectDelay: '20ms', maxReconnectDelay: '100ms' }),
    );
    await cache.ready();
    const key = fresh('plain');
    for (let version = 0; version < 20; version += 1) {
      await cache.tags(['t']).put(key, version);
      assert.equal(await cache.get(key), version);
      await server.cli('SET', `cache:${key}`, `${version}.5`);
      assert.equal(await cache.get(key), version + 0.5);
      assert.equal(await tierOf(cache, key), 'redis');
    }
    assert.equal(await cache.remember(fresh('made'), () => 'made'), 'made');
    await cache.tags(['t']).flush();
    await cache.flush();
    assert.equal(await cache.get(key), null);
    // It is tried again and again.
    await proxy.seen('SUBSCRIBE', 2);
    const { memory, connection } = await cache.stats();
    assert.deepEqual(memory, { hits: 0, entries: 0, bytes: 0, trusted: false, invalidation: null });
    assert.equal(connection?.protocol, 2);
  });
}
