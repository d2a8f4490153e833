'use strict';

// A primary that sentinels name, and rename while it is used.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { cacheError } = require('../../support/errors.js');
const { record } = require('../../support/events.js');
const { openFor } = require('../../support/open.js');
const { freePort } = require('../../support/ports.js');
const { startSentinel } = require('../support/sentinel.js');
const { startServer } = require('../support/server.js');
const { until } = require('../../support/wait.js');
const { startTraffic } = require('./traffic.js');
require('../../support/alive.js');

const LIMIT = { timeout: 60_000 };
const TIMEOUT = 400;
const SLACK = 250;
const PASSWORD = 'data secret';
const SENTINEL_PASSWORD = 'sentinel secret';

let group;

before(async () => {
  group = await startSentinel(null, { requirepass: PASSWORD, sentinelPassword: SENTINEL_PASSWORD });
});
after(() => group?.stop());

const options = ({ sentinel, ...config } = /** @type {any} */ ({}), more = {}) => ({
  driver: 'redis',
  failOpen: false,
  config: {
    sentinel: { name: group.name, nodes: group.nodes, password: SENTINEL_PASSWORD, ...sentinel },
    password: PASSWORD,
    commandTimeout: `${TIMEOUT}ms`,
    connectTimeout: '1s',
    reconnectDelay: '20ms',
    maxReconnectDelay: '200ms',
    ...config,
  },
  ...more,
});

const names = Array.from({ length: 6 }, (_, at) => `key ${at}`);
const codesOf = ({ failures }) => [...new Set(failures.map(({ code }) => code))];
const messagesOf = ({ failures }) => [...new Set(failures.map(({ message }) => message))];

describe('the app goes on', () => {
  test('when the sentinels fail over', LIMIT, async (t) => {
    const cache = openFor(t, options());
    const events = record(cache, 'connect', 'disconnect');
    const traffic = startTraffic(t, cache, names);
    // What the former primary is told after its replica has taken over is gone, by Redis's own rules.
    for (const client of traffic.clients) client.lossy = true;
    await traffic.rounds(20);
    const { from, to } = await group.failover();
    await traffic.recovered();
    const { connection } = await cache.stats();
    assert.equal(connection?.state, 'up');
    assert.ok(connection.reconnects >= 1);
    assert.ok(events.some(({ event }) => event === 'disconnect') && events.at(-1)?.event === 'connect');
    t.diagnostic(
      `slowest ${traffic.slowest.toFixed(0)} ms; ${traffic.failures.length} failures: ${messagesOf(traffic)}`,
    );
    for (const code of codesOf(traffic)) assert.match(code, /^CACHE_(UNAVAILABLE|TIMEOUT)$/);
    assert.ok(traffic.slowest < TIMEOUT + SLACK);
    assert.equal(await group.primary(), to);
    assert.notEqual(from, to);
    assert.deepEqual(await traffic.stop(), []);
    const written = await to.cli('GET', 'cache:key 0');
    assert.equal(Number(written), traffic.clients[0].stored);
  });

  test('when the primary dies, and when it comes back as a replica', LIMIT, async (t) => {
    await group.settled();
    const cache = openFor(t, options());
    const traffic = startTraffic(
      t,
      cache,
      names.map((name) => `dead ${name}`),
    );
    for (const client of traffic.clients) client.lossy = true;
    await traffic.rounds(20);
    traffic.forgetTimes();
    const replica = await group.replica();
    const began = performance.now();
    const dead = await group.killPrimary();
    const promoted = until('the replica is the primary', async () => {
      const { role } = await replica.info('replication');
      return role === 'master' && performance.now();
    });
    const failover = (await promoted) - began;
    await traffic.recovered();
    const outage = performance.now() - began;
    t.diagnostic(
      `failover after ${failover.toFixed(0)} ms, back after ${outage.toFixed(0)} ms; slowest ` +
        `${traffic.slowest.toFixed(0)} ms; ${messagesOf(traffic).join('; ')}`,
    );
    assert.ok(traffic.slowest < TIMEOUT + SLACK, `an operation took ${traffic.slowest} ms`);
    for (const code of codesOf(traffic)) assert.match(code, /^CACHE_(UNAVAILABLE|TIMEOUT)$/);
    await dead.restart();
    await group.demote(dead);
    await group.settled();
    await traffic.recovered();
    assert.deepEqual(await traffic.stop(), []);
  });

  test('when the primary stalls, and wakes when another has taken its place', LIMIT, async (t) => {
    const primary = await group.settled();
    const cache = openFor(t, options());
    const traffic = startTraffic(
      t,
      cache,
      names.map((name) => `stalled ${name}`),
    );
    for (const client of traffic.clients) client.lossy = true;
    await traffic.rounds(20);
    traffic.forgetTimes();
    const began = performance.now();
    primary.pause();
    await traffic.recovered();
    t.diagnostic(
      `back after ${(performance.now() - began).toFixed(0)} ms; slowest ${traffic.slowest.toFixed(0)} ms`,
    );
    assert.ok(traffic.slowest < TIMEOUT + SLACK, `an operation took ${traffic.slowest} ms`);
    primary.resume();
    await group.demote(primary);
    await group.settled();
    await traffic.recovered();
    assert.deepEqual(await traffic.stop(), []);
  });

  test('when its server becomes a replica and keeps the connections', LIMIT, async (t) => {
    const primary = await group.settled();
    const other = await group.replica();
    const cache = openFor(t, options());
    await cache.put('key', 1);
    const events = record(cache, 'disconnect');
    await primary.cli('REPLICAOF', other.host, other.port);
    const began = performance.now();
    const refused = [];
    await until('a write is taken', async () => {
      try {
        await cache.put('key', 2);
        return true;
      } catch (error) {
        refused.push(error.message);
        cacheError(['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'])(error);
        // Nothing was promoted: the sentinels turn the replica into a primary again.
        throw error;
      }
    });
    t.diagnostic(`a write was taken after ${(performance.now() - began).toFixed(0)} ms`);
    t.diagnostic([...new Set(refused)].join('; '));
    assert.ok(refused.some((message) => /READONLY|no primary/.test(message)));
    assert.ok(events.length > 0);
    assert.equal(await cache.get('key'), 2);
    await group.settled();
  });
});

describe('it says what is wrong', () => {
  const fails = async (t, given, pattern) => {
    const cache = openFor(t, options(given));
    const began = performance.now();
    await assert.rejects(cache.ready(), (error) => {
      t.diagnostic(error.message);
      assert.doesNotMatch(error.message, /secret/);
      return cacheError(['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'], pattern)(error);
    });
    assert.ok(performance.now() - began < 1500);
    await assert.rejects(cache.get('key'), cacheError(['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'], pattern));
    // Failing open hides the same.
    const open = openFor(t, options(given, { failOpen: true }));
    const errors = record(open, 'error');
    assert.equal(await open.get('key'), null);
    assert.match(errors[0].error.message, pattern);
  };

  test('about the name of the master', LIMIT, (t) => fails(t, { sentinel: { name: 'nobody' } }, /nobody/));

  test('about the password of the sentinels', LIMIT, (t) =>
    fails(t, { sentinel: { password: 'wrong secret' } }, /WRONGPASS|authentication failed/i),
  );

  test('about sentinels that want a password and are given none', LIMIT, (t) =>
    fails(t, { sentinel: { password: undefined } }, /NOAUTH/),
  );

  test('about the password of the server', LIMIT, (t) => fails(t, { password: 'wrong secret' }, /WRONGPASS/));

  test('about sentinels of which none can be reached', LIMIT, async (t) => {
    const nodes = [{ host: '127.0.0.1', port: await freePort() }, `127.0.0.1:${await freePort()}`];
    await fails(t, { sentinel: { nodes } }, /refused/);
  });

  test('about a server that is no sentinel', LIMIT, async (t) => {
    const server = await startServer(t, { requirepass: SENTINEL_PASSWORD });
    await fails(
      t,
      { sentinel: { nodes: [server].map(({ host, port }) => ({ host, port })) } },
      /unknown command/i,
    );
  });

  test('about sentinels that do not answer, within the time for connecting', LIMIT, async (t) => {
    const [first, ...others] = group.sentinels;
    first.pause();
    try {
      const { host, port } = first;
      await fails(
        t,
        { sentinel: { nodes: [{ host, port }] } },
        /did not answer|connectTimeout|commandTimeout/,
      );
      // One that does not answer leaves time for the others.
      const nodes = [first, ...others].map((server) => ({ host: server.host, port: server.port }));
      const cache = openFor(t, options({ sentinel: { nodes } }));
      const began = performance.now();
      await cache.ready();
      assert.ok(performance.now() - began < 1000);
    } finally {
      first.resume();
    }
  });
});
