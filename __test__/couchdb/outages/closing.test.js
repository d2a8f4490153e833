'use strict';

// A cache that is closed while much is under way.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { gate, turns } = require('../../support/deferred.js');
const { until } = require('../../support/wait.js');
const { SLACK, TIMEOUT, startWorld, writing } = require('./world.js');
require('../../support/alive.js');

const CODES = /^CACHE_(CLOSED|UNAVAILABLE|TIMEOUT)$/;

/** How each operation of {@link everything} ended; none is left open. */
async function ends(settled) {
  const late = new Promise((_, reject) => {
    setTimeout(reject, 2 * TIMEOUT + SLACK, new Error('an operation never settled')).unref();
  });
  for (const { status, reason } of await Promise.race([settled, late])) {
    if (status === 'rejected') assert.match(reason.code, CODES);
  }
}

const everything = (cache) =>
  Promise.allSettled([
    // First: what is asked after it stays.
    cache.flush(),
    cache.get('get'),
    cache.many(['many', 'more']),
    cache.put('put', 1, '1m'),
    cache.tags(['tag']).put('tagged', 1, '1m'),
    cache.add('add', 1, '1m'),
    cache.increment('n'),
    cache.forget('forget'),
    cache.tags(['tag']).flush(),
    cache.lock('lock', { ttl: '1m', wait: 0 }),
    cache.remember('remember', '1m', () => 'made'),
  ]);

test('close() lets what was asked before it be answered', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const cache = world.another();
  await cache.ready();
  const settled = everything(cache);
  await cache.close();
  await ends(settled);
  assert.equal(world.entry('put').value, '1');
  await assert.rejects(cache.get('get'), { code: 'CACHE_CLOSED' });
  // The lock is given back, as soon as it was had.
  const { acquired } = await world.strict.lock('lock', { ttl: '1m', wait: '1s', maxRetries: 20 });
  assert.ok(acquired);
  assert.equal(await world.strict.remember('remember', '1m', () => 'made'), 'made');
  await world.end();
});

test('close() with a server that does not answer settles everything, within the time-out', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const { server } = world;
  const caches = [world.another(), world.another({ failOpen: true })];
  await Promise.all(caches.map((cache) => cache.ready()));
  const stalled = server.faults.stall();
  const settled = caches.map(everything);
  await stalled.seen(2);
  const started = performance.now();
  await Promise.all(caches.map((cache) => cache.close()));
  const millis = performance.now() - started;
  assert.ok(millis < TIMEOUT + SLACK, `it took ${Math.round(millis)} ms`);
  await Promise.all(settled.map(ends));
  stalled.release();
  await world.end({ millis });
});

test('close() gives back the locks and the leases that are held', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { strict } = world;
  const cache = world.another();
  const factory = gate();
  assert.ok((await cache.lock('name', { ttl: '1m', wait: 0 })).acquired);
  const computed = cache.remember('key', '1m', factory).catch(({ code }) => code);
  await factory.started;
  await cache.close();
  factory.resolve('late');
  assert.equal(await computed, 'CACHE_CLOSED');
  assert.equal((await strict.lock('name', { ttl: '1m', wait: 0 })).acquired, true);
  assert.equal(await strict.remember('key', '1m', () => 'made'), 'made');
  assert.equal(await strict.get('key'), 'made');
  await world.end();
});

for (const [what, take] of Object.entries({
  'the end of a run that failed': (cache) =>
    cache.remember('key', '1m', () => Promise.reject(new Error('broken'))),
  'the release of a lock': async (cache) => {
    const { release } = await cache.lock('name', { ttl: '1m', wait: 0 });
    void release().catch(() => {});
  },
  'the end of a lockAndRun': (cache) => cache.lockAndRun('name', '1m', () => null),
})) {
  test(`close() waits for ${what}, which is on its way`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server } = world;
    const cache = world.another();
    await cache.ready();
    const gives = ({ failed, owner, _id }) => failed || (_id.startsWith('lock:') && owner === undefined);
    const held = server.faults.hold(writing(gives));
    const taken = take(cache).catch(() => {});
    const { at } = await held.arrived;
    let closed = false;
    const closing = cache.close().then(() => {
      closed = true;
    });
    // What is not waited for is over by then.
    for (let turn = 0; turn < 10; turn += 1) await world.strict.has('another');
    assert.equal(closed, false);
    held.release();
    await Promise.all([closing, taken]);
    assert.ok(server.requests.every((request) => request.at < at || request.status !== undefined));
    await world.end();
  });
}

test('a cache that is closed with much under way leaves no connection behind', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server } = world;
  await Promise.all([world.open.close(), world.strict.close()]);
  await until('the connections have ended', () => server.open === 0, { limit: 3000 });
  for (let pass = 0; pass < 5; pass += 1) {
    const cache = world.another();
    await cache.ready();
    const settled = everything(cache);
    await cache.close();
    await ends(settled);
  }
  await until('the connections have ended', () => server.open === 0, { limit: 3000 });
});

for (const [how, begin] of Object.entries({
  'that is there': () => {},
  'that is gone': (server) => {
    server.dropConnections();
    server.refuse();
  },
  'that refuses the user': (server) => server.faults.lockedOut(),
  'that answers nothing': (server) => server.faults.stall(),
})) {
  test(`nothing is asked any more of a server ${how}, after close()`, async (t) => {
    const world = await startWorld(t, { traffic: false, config: { sweep: '1s' } });
    const { server, open, strict } = world;
    await strict.put('key', 1, '1m');
    begin(server);
    await Promise.all([open.get('key'), open.put('key', 2, '1m')]);
    await Promise.all([open.close(), strict.close()]);
    server.faults.clear();
    await server.accept();
    await until('the connections have ended', () => server.open === 0, { limit: 3000 });
    const { length } = server.requests;
    const connections = server.connections;
    // As long as any pause between two attempts is here.
    await new Promise((resolve) => {
      setTimeout(resolve, 400);
    });
    await turns();
    assert.equal(server.requests.length, length);
    assert.equal(server.connections, connections);
  });
}
