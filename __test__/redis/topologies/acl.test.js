'use strict';

// Users with few rights: what the least is with which everything works, and what is said when one is missing.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { gate } = require('../../support/deferred.js');
const { cacheError } = require('../../support/errors.js');
const { record } = require('../../support/events.js');
const { openFor } = require('../../support/open.js');
const { startCluster } = require('../support/cluster.js');
const { startServer } = require('../support/server.js');
const { until } = require('../../support/wait.js');
const { openPeer } = require('./peer.js');
require('../../support/alive.js');

const LIMIT = { timeout: 30_000 };
const DOWN = ['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'];

/** Needed only when Redis has stalled: what it still holds of the old connection must not be carried out. */
const AFTER_A_STALL = 'client|kill';
/** The least rights with which every operation works, as the README has them. */
const COMMANDS = (
  'get set mget unlink del pexpire pttl persist getrange scan hget hset hmget hdel time eval evalsha ping ' +
  'client|info client|tracking client|caching role'
)
  .split(' ')
  .concat(AFTER_A_STALL);
/** A cluster's needs besides. */
const CLUSTER = ['cluster|slots', 'asking'];
const KEYS = ['~cache:*', '~ferrocache:*'];

let server;
let users = 0;

before(async () => {
  server = await startServer(null, { acl: ['default off'] });
  const { redis_version: version } = await server.info('server');
  // Not known before 7.2, and then not to be named.
  if (Number.parseFloat(version) >= 7.2) COMMANDS.push('client|setinfo');
});
after(() => server?.stop());

/** A user of its own with these rights, and the options of a cache that is that user. */
async function user(rights, more = {}) {
  users += 1;
  const username = `user${users}`;
  await server.cli('ACL', 'SETUSER', username, 'on', '>secret', ...rights);
  await server.cli('FLUSHALL');
  await server.cli('ACL', 'LOG', 'RESET');
  const { host, port } = server;
  return {
    driver: 'redis',
    failOpen: false,
    config: { host, port, username, password: 'secret', commandTimeout: '500ms', leaseTtl: '300ms' },
    ...more,
  };
}

const rightsTo = (commands) => [...KEYS, '-@all', ...commands.map((command) => `+${command}`)];

/** What a server's users were refused. */
async function refused(node) {
  const log = await node.cli('ACL', 'LOG');
  return log.map((entry) => entry[entry.indexOf('object') + 1]);
}

/** Every operation, each of which is to work. */
async function everything(cache) {
  const tagged = cache.tags(['a', 'b']);
  await cache.put('k', 1);
  await cache.put('packed', 'x'.repeat(20_000));
  assert.equal((await cache.get('packed')).length, 20_000);
  assert.equal(await cache.get('k'), 1);
  assert.equal(await cache.has('k'), true);
  assert.equal(await cache.add('k', 2), false);
  assert.equal(await cache.touch('k', 'forever'), true);
  assert.equal(await cache.ttl('k'), Infinity);
  assert.equal(await cache.touch('k', '1m'), true);
  await tagged.put('tagged', 1, Infinity);
  await tagged.put('tagged 2', 1);
  assert.equal(await cache.get('tagged'), 1);
  assert.equal(await cache.touch('tagged', '2h'), true);
  assert.deepEqual([...(await cache.many(['k', 'none', 'tagged'])).values()], [1, null, 1]);
  const keys = [];
  for await (const key of cache.keys()) keys.push(key);
  assert.deepEqual(keys.sort(), ['k', 'packed', 'tagged', 'tagged 2']);
  await tagged.flush();
  assert.equal(await cache.get('tagged'), null);
  assert.equal(await cache.increment('n'), 1);
  assert.equal(await cache.decrement('n', 3), -2);
  assert.equal(await cache.pull('n'), -2);
  assert.equal(await cache.forget('k'), true);
  assert.equal(await tagged.remember('r', () => 'computed'), 'computed');
  assert.equal(await cache.remember('g', { ttl: 0.01, grace: '1h' }, () => 'old'), 'old');
  const skipped = await cache.remember('s', (context) => {
    context.skip();
    return 'skipped';
  });
  assert.equal(skipped, 'skipped');
  await assert.rejects(
    cache.remember('f', () => Promise.reject(new Error('failed'))),
    /failed/,
  );
  const factory = gate();
  const long = cache.remember('long', factory);
  await factory.started;
  // Longer than the lease is given for.
  await new Promise((resolve) => {
    setTimeout(resolve, 450);
  });
  factory.resolve('kept');
  assert.equal(await long, 'kept');
  assert.equal(await cache.get('long'), 'kept');
  assert.equal(await cache.remember('g', { ttl: '1h', grace: '1h' }, () => 'new'), 'new');
  const lock = await cache.lock('l', '5s');
  assert.equal(lock.acquired, true);
  const waiting = cache.lock('l', { wait: '3s', ttl: '5s' });
  waiting.catch(() => {});
  assert.equal(await lock.extend('10s'), true);
  assert.equal(await lock.release(), true);
  assert.equal(await (await waiting).release(), true);
  await cache.flush();
}

test('a user with the least rights can do everything, and no error is hidden', LIMIT, async (t) => {
  const options = await user(rightsTo(COMMANDS));
  const cache = openFor(t, options);
  const errors = record(cache, 'error');
  await cache.ready();
  await everything(cache);
  const peer = await openPeer(t, options);
  const run = peer.remember('shared');
  await run.started;
  const joined = cache.remember('shared', () => assert.fail('the other process runs it'));
  run.resolve('once');
  assert.equal(await joined, 'once');
  assert.deepEqual(errors, []);
  assert.deepEqual(await refused(server), []);
  t.diagnostic(`ACL SETUSER app on >password ${rightsTo(COMMANDS).join(' ')}`);
});

test('none of these rights can be left out', LIMIT, async (t) => {
  const needless = [];
  for (const command of COMMANDS.filter((each) => each !== AFTER_A_STALL)) {
    const cache = openFor(t, await user(rightsTo(COMMANDS.filter((other) => other !== command))));
    const failed = await everything(cache).then(
      () => false,
      () => true,
    );
    const log = await refused(server);
    if (!failed && log.length === 0) needless.push(command);
    else if (!failed) t.diagnostic(`works without ${command}`);
    await cache.close();
  }
  assert.deepEqual(needless, []);
});

test('after a stall the old connection is ended, with the right to it', LIMIT, async (t) => {
  const options = await user(rightsTo(COMMANDS));
  options.config.breakerThreshold = 1;
  options.config.reconnectDelay = '20ms';
  const cache = openFor(t, options);
  await cache.put('k', 1);
  const kills = async () =>
    Number(/calls=(\d+)/.exec((await server.info('commandstats'))['cmdstat_client|kill'])?.[1] ?? 0);
  const killed = await kills();
  server.pause();
  await assert.rejects(cache.get('k'), cacheError('CACHE_TIMEOUT'));
  server.resume();
  await until('it is asked again', async () => (await cache.get('k')) === 1);
  assert.ok((await kills()) > killed);
  assert.deepEqual(await refused(server), []);
});

test('on a cluster two rights more do', LIMIT, async (t) => {
  const cluster = await startCluster(t, { primaries: 2, replicas: 0 });
  const rights = rightsTo([...COMMANDS, ...CLUSTER]);
  for (const node of cluster.servers) await node.cli('ACL', 'SETUSER', 'app', 'on', '>secret', ...rights);
  const cache = openFor(t, {
    driver: 'redis',
    failOpen: false,
    config: { cluster: { nodes: cluster.nodes }, username: 'app', password: 'secret', leaseTtl: '300ms' },
  });
  await everything(cache);
  const slot = await cluster.slotOf('cache:k');
  const from = await cluster.owner(slot);
  const to = cluster.servers.find((node) => node !== from);
  await cluster.migrateSlot(slot, to, { during: () => everything(cache) });
  await everything(cache);
  for (const node of cluster.servers) assert.deepEqual(await refused(node), []);
});

/** As Redis 7.0 words it, and as Redis 8 and Valkey 8.1 do. */
const DENIED_IN_SCRIPT = /NOPERM|can't run this command|no permissions to run/i;

describe('a right that is missing', () => {
  test('is named, at once, and what needs it not goes on', LIMIT, async (t) => {
    const cases = [
      ['set', (cache) => cache.put('k', 2), /set/i],
      ['get', (cache) => cache.get('k'), /get/i],
      ['mget', (cache) => cache.many(['k', 'l']), /mget/i],
      ['scan', (cache) => cache.flush(), /scan/i],
      ['eval', (cache) => cache.remember('k2', { grace: '1h' }, () => 1), /eval/i],
      ['eval', (cache) => cache.increment('n'), /eval/i],
      ['time', (cache) => cache.lock('l'), DENIED_IN_SCRIPT],
      ['unlink', (cache) => cache.forget('k'), DENIED_IN_SCRIPT],
    ];
    for (const [command, act, pattern] of cases) {
      const options = await user(rightsTo(COMMANDS.filter((other) => other !== command)));
      await server.cli('SET', 'cache:k', '1');
      const cache = openFor(t, options);
      const began = performance.now();
      await assert.rejects(act(cache), (error) => {
        t.diagnostic(`${command}: ${error.code} ${error.message}`);
        return cacheError(DOWN, pattern)(error);
      });
      assert.ok(performance.now() - began < 400, `${command}: it took long`);
      if (command !== 'get') assert.equal(await cache.get('k'), 1);
      if (command !== 'set') await cache.put('k', 1);
      assert.equal((await cache.stats()).connection?.state, 'up');
      await cache.close();
    }
  });

  test('is an event where failing open hides it', LIMIT, async (t) => {
    const cache = openFor(t, await user(rightsTo(['ping', 'get']), { failOpen: true }));
    const errors = record(cache, 'error');
    await server.cli('SET', 'cache:k', '1');
    assert.equal(await cache.get('k'), 1);
    await cache.put('k', 2);
    assert.equal(await cache.get('k'), 1);
    assert.equal(await cache.remember('other', () => 'computed'), 'computed');
    assert.equal(errors.length, 2);
    for (const { error } of errors) assert.match(error.message, /NOPERM/);
    await assert.rejects(cache.forget('k'), cacheError(DOWN, /NOPERM/));
  });

  test('to a key is named, and other keys are served', LIMIT, async (t) => {
    const options = await user([
      '~cache:mine:*',
      '~ferrocache:*',
      '-@all',
      ...COMMANDS.map((name) => `+${name}`),
    ]);
    const cache = openFor(t, options);
    await cache.put('mine:1', 1);
    assert.equal(await cache.get('mine:1'), 1);
    await assert.rejects(cache.get('yours:1'), cacheError(DOWN, /NOPERM/));
    await assert.rejects(cache.put('yours:1', 1), cacheError(DOWN, /NOPERM/));
    await assert.rejects(
      cache.remember('yours:1', () => 1),
      cacheError(DOWN, /NOPERM|ACL/),
    );
    assert.equal(await cache.get('mine:1'), 1);
  });

  test(
    "to connect is said, with the user's name wrong, the password wrong, and none at all",
    LIMIT,
    async (t) => {
      const { config } = await user(rightsTo(COMMANDS));
      for (const given of [
        { password: 'hunter2' },
        { username: 'nobody' },
        { username: undefined, password: undefined },
      ]) {
        const cache = openFor(t, { driver: 'redis', failOpen: false, config: { ...config, ...given } });
        const began = performance.now();
        await assert.rejects(cache.ready(), (error) => {
          assert.doesNotMatch(error.message, /hunter2|secret/);
          return cacheError(DOWN, /WRONGPASS|NOAUTH/)(error);
        });
        assert.ok(performance.now() - began < 500);
      }
    },
  );

  test('that is taken away while the cache runs is named; given back, all goes on', LIMIT, async (t) => {
    const options = await user(rightsTo(COMMANDS));
    const cache = openFor(t, options);
    await cache.put('k', 1);
    const { username } = options.config;
    await server.cli('ACL', 'SETUSER', username, '-get');
    await assert.rejects(cache.get('k'), cacheError(DOWN, /NOPERM/));
    await server.cli('ACL', 'SETUSER', username, '+get');
    assert.equal(await cache.get('k'), 1);
    // Redis ends the connections of a user that is gone.
    await server.cli('ACL', 'DELUSER', username);
    await assert.rejects(cache.get('k'), cacheError(DOWN));
    await server.cli('ACL', 'SETUSER', username, 'on', '>secret', ...rightsTo(COMMANDS));
    const back = new Promise((resolve) => {
      cache.once('connect', resolve);
    });
    await back;
    assert.equal(await cache.get('k'), 1);
  });
});
