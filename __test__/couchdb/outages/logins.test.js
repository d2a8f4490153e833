'use strict';

// A server that refuses the user. Five bad logins lock the user out, so none is tried that could be spared.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: delay } = require('node:timers/promises');
const { until } = require('../../support/wait.js');
const { SECRET, USER, withoutSecret } = require('../../support/outages/watch.js');
const { READS, WRITES, startWorld } = require('./world.js');
require('../../support/alive.js');

/** Longer than any pause after another failure than this, and far shorter than the one after this. */
const WHILE = 2500;
const HELP = /check username and password/;

const refused = ({ status }) => status === 401 || status === 403;
const login = (world, password) => world.server.auth.add(USER, password, 'admin');

/** Everything is refused at once, for a while, and nobody tries to log in. */
async function staysRefused(world) {
  const before = world.asked(refused).length;
  const end = performance.now() + WHILE;
  do {
    await world.round('down');
    await Promise.all([world.open.ready().catch(() => {}), delay(100)]);
  } while (performance.now() < end);
  assert.equal(world.asked(refused).length, before, 'no further login is tried');
  for (const cache of [world.strict, world.open]) {
    const error = await cache.increment('n').catch((reason) => reason);
    assert.equal(error.code, 'CACHE_UNAVAILABLE');
    assert.match(error.message, HELP);
    withoutSecret(error);
  }
  assert.match(world.events.at(-1).error.message, HELP);
}

// Most of the time of these is waiting for what must not happen: they wait together.
describe('a server that refuses the user', { concurrency: true }, () => {
  test('a password that is wrong from the start', async (t) => {
    const world = await startWorld(t, { traffic: false, ready: false });
    login(world, 'another');
    await assert.rejects(world.strict.get('key'), { code: 'CACHE_UNAVAILABLE', message: HELP });
    assert.equal(world.asked(refused).length, 1);
    await staysRefused(world);
    await assert.rejects(world.strict.ready(), { code: 'CACHE_UNAVAILABLE', message: HELP });
    await world.end();
  });

  test('a password that is wrong from the start, and much that is asked at once', async (t) => {
    const world = await startWorld(t, { traffic: false, ready: false });
    login(world, 'another');
    await Promise.all(Array.from({ length: 200 }, (_, at) => world.open.get(`key:${at}`)));
    assert.equal(world.asked(refused).length, 1);
    await staysRefused(world);
    await world.end();
  });

  test('a user who is not known', async (t) => {
    const world = await startWorld(t, { traffic: false, ready: false });
    world.server.auth.remove(USER);
    world.server.auth.add('somebody', 'else', 'admin');
    await assert.rejects(world.strict.put('key', 1), { code: 'CACHE_UNAVAILABLE', message: HELP });
    await staysRefused(world);
    await world.end();
  });

  test('no user at all, where one is needed', async (t) => {
    const world = await startWorld(t, { traffic: false, ready: false });
    world.server.createDatabase().security = { members: { names: [USER] }, admins: {} };
    const cache = world.cache({ failOpen: false, config: { url: world.server.origin } });
    await assert.rejects(cache.get('key'), { code: 'CACHE_UNAVAILABLE', message: HELP });
    assert.equal(world.asked(refused).length, 1);
    await world.end();
  });

  test('a user who is no member of the database', async (t) => {
    const world = await startWorld(t, { traffic: false, ready: false });
    world.server.auth.add('somebody', 'else', 'admin');
    world.server.auth.add(USER, SECRET, 'none');
    world.server.createDatabase().security = { members: { names: ['another'] }, admins: {} };
    await assert.rejects(world.strict.get('key'), {
      code: 'CACHE_UNAVAILABLE',
      message: /member of the database/,
    });
    await staysRefused(world);
    await world.end();
  });

  test('a password that is changed while the app runs', async (t) => {
    const world = await startWorld(t, { traffic: false });
    await world.round('up');
    login(world, 'another');
    assert.equal(await world.open.get('key'), null);
    assert.match(world.events.at(-1).error.message, HELP);
    await until('it is given up', async () => (await world.state()) === 'down');
    await staysRefused(world);
    assert.equal(world.asked(refused).length, 1, 'what was asked has tried it already');
    await world.end();
  });

  test('a password that is changed under way', async (t) => {
    const world = await startWorld(t);
    login(world, 'another');
    await until('it is given up', async () => {
      await world.open.get('key');
      return (await world.state()) === 'down';
    });
    // All stores have met it by then.
    await world.flows(60);
    await staysRefused(world);
    await world.flows();
    await world.traffic?.stop();
    world.traffic?.check();
    // Nobody can be asked for what there was.
    world.traffic = undefined;
    await world.end();
  });

  test('a password that is changed while much is under way', async (t) => {
    const world = await startWorld(t, { traffic: false });
    const { server, open } = world;
    await world.round('up');
    const stalled = server.faults.stall();
    const asked = Array.from({ length: 200 }, (_, at) =>
      at % 2 ? open.put(`key:${at}`, at) : open.get(`key:${at}`),
    );
    await stalled.seen(2);
    login(world, 'another');
    const underWay = server.requests.filter(({ status }) => status === undefined).length;
    stalled.release();
    await Promise.all(asked);
    await staysRefused(world);
    assert.ok(
      world.asked(refused).length <= underWay,
      `${world.asked(refused).length} logins of ${underWay}`,
    );
    await world.end({ underWay });
  });

  for (const what of ['reads', 'writes']) {
    test(`a password that is changed, with ${what} in flight, does not lock the user out`, async (t) => {
      const world = await startWorld(t, { traffic: false });
      const { server, open } = world;
      await world.round('up');
      const match = what === 'reads' ? READS : WRITES;
      const stalled = server.faults.stall(match);
      const act = (at) => (what === 'reads' ? open.get(`key:${at}`) : open.put(`key:${at}`, at));
      const asked = Array.from({ length: 200 }, (_, at) => act(at));
      await stalled.seen(1);
      login(world, 'another');
      stalled.release();
      await Promise.all(asked);
      await delay(WHILE / 3);
      login(world, SECRET);
      // A right password is refused by a server that has locked the user out.
      const other = world.another();
      await assert.doesNotReject(other.get('key'));
      await world.end();
    });
  }

  test('a user who is locked out, with the right password', async (t) => {
    const world = await startWorld(t, { traffic: false });
    await world.round('up');
    const locked = world.server.faults.lockedOut();
    assert.equal(await world.open.get('key'), null);
    assert.match(world.events.at(-1).error.message, /temporarily locked/);
    await staysRefused(world);
    assert.equal(locked.hits, 1);
    await world.end();
  });

  test('a user who is locked out from the start', async (t) => {
    const world = await startWorld(t, { traffic: false, ready: false });
    const locked = world.server.faults.lockedOut();
    await assert.rejects(world.strict.get('key'), {
      code: 'CACHE_UNAVAILABLE',
      message: /temporarily locked/,
    });
    await staysRefused(world);
    assert.equal(locked.hits, 1);
    await world.end();
  });
});
