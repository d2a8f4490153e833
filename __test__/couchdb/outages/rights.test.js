'use strict';

// A user who may not do all that the driver would do.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { until } = require('../../support/wait.js');
const { SECRET, USER } = require('../../support/outages/watch.js');
const { startWorld } = require('./world.js');
require('../../support/alive.js');

const users = (role) => ({
  root: { password: 'another', role: 'admin' },
  [USER]: { password: SECRET, role },
});
const on = (method, path) => (request) => request.method === method && request.path === path;
const isPurge = ({ path }) => path === '/cache/_purge';

/** A world of a user who is no server admin. */
const startFor = (t, role, options = {}) =>
  startWorld(t, { server: { users: users(role) }, ready: false, traffic: false, ...options });

// Most of the time of these is waiting for the next attempt, or for a sweep: they wait together.
describe('a user with fewer rights', { concurrency: true }, () => {
  test('a user who may not create the database: it is said, and works as soon as somebody has made it', async (t) => {
    const world = await startFor(t, 'member');
    const { open, server, strict } = world;
    const missing = {
      code: 'CACHE_UNAVAILABLE',
      message: /database cache does not exist.*may not create it.*server admin/,
    };
    await assert.rejects(strict.get('key'), missing);
    await assert.rejects(strict.ready(), missing);
    await world.round('down');
    assert.match(world.events.at(-1).error.message, missing.message);
    const tries = world.asked(on('PUT', '/cache')).length;
    await Promise.all(Array.from({ length: 100 }, (_, at) => open.get(`key:${at}`)));
    assert.ok(world.asked(on('PUT', '/cache')).length <= tries + 1, 'it is not tried by every request');
    server.createDatabase();
    const recovery = await world.recovers({ limit: 5000 });
    await world.end({ recovery });
  });

  test('a user who may not create the database that was deleted under way', async (t) => {
    const world = await startFor(t, 'member');
    const { server, strict } = world;
    server.createDatabase();
    await world.round('up');
    server.destroyDatabase();
    await assert.rejects(strict.put('key', 1), { code: 'CACHE_UNAVAILABLE', message: /may not create it/ });
    await world.round('down');
    server.createDatabase();
    await world.end({ recovery: await world.recovers({ limit: 5000 }) });
  });

  test('a user who may not write design documents has a cache, and no sweep', async (t) => {
    const world = await startFor(t, 'member', { config: { sweep: '1s' } });
    const { server, strict } = world;
    const database = server.createDatabase();
    await world.round('up');
    assert.equal(database.read('_design/cache'), undefined);
    // The time between two sweeps is spread.
    await server.seen(({ path }) => path.endsWith('/_view/expired'), 2, { limit: 5000 });
    await world.round('up');
    assert.equal(await world.state(), 'up');
    assert.equal((await strict.stats()).connection.reconnects, 0);
    assert.deepEqual(world.events, []);
    await world.end();
  });

  test('a user who may not purge: what has expired is deleted, and purging is not tried again', async (t) => {
    const world = await startFor(t, 'dbadmin', { config: { sweep: '1s' } });
    const { server, strict } = world;
    const database = server.createDatabase();
    const names = ['one', 'two', 'three'];
    await strict.putMany(Object.fromEntries(names.map((name) => [name, name])), '50ms');
    await strict.put('stays', 1, '1m');
    const isThere = (name) => database.read(`entry:cache:${name}`) !== undefined;
    // By the sweep alone: nobody reads them.
    await until('they have been swept', () => !names.some(isThere), { limit: 5000 });
    assert.ok(isThere('stays'));
    assert.deepEqual(
      names.map((name) => database.latest(`entry:cache:${name}`)?._deleted),
      [true, true, true],
    );
    await strict.put('read', 1, '20ms');
    await until('it is taken away by who reads it', async () => {
      await strict.get('read');
      return !isThere('read');
    });
    assert.equal(world.asked(isPurge).length, 1);
    assert.equal(await world.state(), 'up');
    assert.deepEqual(world.events, []);
    await world.round('up');
    await world.end();
  });

  test('a purge that fails for a moment is no lack of rights', async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { database, server, strict } = world;
    server.faults.answer({ path: /_purge$/, times: 1 }, 503, {
      error: 'service_unavailable',
      reason: 'later',
    });
    for (const key of ['one', 'two']) {
      await strict.put(key, 1, '20ms');
      await until('it has left the database', async () => {
        await strict.get(key);
        return database.entry(`entry:cache:${key}`) === undefined;
      });
    }
    await world.end();
  });

  for (const status of [401, 403, 500]) {
    test(`a user who may not set how many revisions are kept: ${status}`, async (t) => {
      const world = await startWorld(t, { traffic: false, ready: false });
      const { server } = world;
      const refused = server.faults.answer({ method: 'PUT', path: /_revs_limit$/ }, status, {
        error: status === 500 ? 'internal_server_error' : 'unauthorized',
        reason: 'You are not a server admin.',
      });
      await world.round('up');
      assert.equal(refused.hits, 1);
      assert.ok(server.database().read('_design/cache'));
      assert.equal(await world.state(), 'up');
      await world.end();
    });
  }

  test('a user who loses the membership of the database', async (t) => {
    const world = await startFor(t, 'member');
    const { server, strict } = world;
    server.createDatabase();
    await strict.put('key', 1, '1m');
    server.database().security = { members: { names: ['root'] }, admins: {} };
    await assert.rejects(strict.get('key'), { code: 'CACHE_UNAVAILABLE', message: /member of the database/ });
    await world.round('down');
    await world.end();
  });
});
