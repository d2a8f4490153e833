'use strict';

// A server that answers, and fails.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { WRITES, startWorld } = require('./world.js');
require('../../support/alive.js');

const isDatabase = ({ method, path }) => method === 'PUT' && path === '/cache';
const named = (name) => (document) => document._id === `entry:cache:${name}`;

const passing = {
  'cannot open its shards': (faults, match) => faults.noShards(match),
  'is overloaded': (faults, match) =>
    faults.answer(match, 503, { error: 'service_unavailable', reason: 'try again' }),
  'is asked too often': (faults, match) =>
    faults.answer(match, 429, { error: 'too_many_requests', reason: 'try again' }),
  'is behind a proxy that does not reach it': (faults, match) =>
    faults.answer(match, 502, '<html><body>Bad Gateway</body></html>', { 'Content-Type': 'text/html' }),
  'cannot reach some documents': (faults, match) => faults.failRows(match),
};

for (const [how, begin] of Object.entries(passing)) {
  test(`a server that ${how}, now and then`, async (t) => {
    const world = await startWorld(t, { patient: true });
    let seen = 0;
    const fault = begin(world.server.faults, () => (seen += 1) % 4 === 0);
    for (let round = 0; round < 3; round += 1) await world.round('up');
    assert.ok(fault.hits > 5);
    world.server.faults.clear();
    assert.equal((await world.open.stats()).connection.reconnects, 0);
    await world.end({ recovery: await world.recovers(), hits: fault.hits });
  });

  // What is tried again is tried again for the same reason.
  if (how.startsWith('is ')) continue;
  test(`a server that ${how}, for longer`, async (t) => {
    const world = await startWorld(t);
    const fault = begin(world.server.faults);
    // Lists have no rows that could fail.
    const rows = how.includes('documents') ? (name) => !['keys', 'flush'].includes(name) : () => true;
    await world.round('down', { only: rows });
    await world.flows(10);
    fault.release();
    await world.end({ recovery: await world.recovers(), hits: fault.hits });
  });
}

for (const status of [503, 429]) {
  test(`a server that answers nothing but ${status} is given up, and asked by one attempt at a time`, async (t) => {
    const world = await startWorld(t, { traffic: false, config: { breakerThreshold: 2 } });
    const { server, open, strict } = world;
    const fault = server.faults.answer(undefined, status, { error: 'busy', reason: 'try again' });
    for (let times = 0; times < 2; times += 1) {
      await assert.rejects(strict.get('key'), { code: /CACHE_(TIMEOUT|UNAVAILABLE)/ });
    }
    await until('it is given up', async () => (await world.state()) === 'down');
    const { hits } = fault;
    await Promise.all(Array.from({ length: 500 }, (_, at) => open.get(`key:${at}`)));
    await assert.rejects(strict.put('key', 1), { code: 'CACHE_UNAVAILABLE' });
    assert.ok(fault.hits - hits < 20, `${fault.hits - hits} requests`);
    fault.release();
    await until('it is back', () => strict.ready().then(() => true));
    await strict.put('key', 1);
    assert.equal(await strict.get('key'), 1);
    await world.end({ recovery: await world.recovers() });
  });
}

test('a database that is deleted under way is made again, once each time', async (t) => {
  const world = await startWorld(t, { patient: true });
  const { server } = world;
  for (let times = 1; times <= 5; times += 1) {
    const rounds = world.round('either');
    server.destroyDatabase();
    await rounds;
    await world.flows(10);
    await world.round('up');
    const made = world.asked((request) => isDatabase(request) && request.status === 201);
    assert.equal(made.length, 1 + times);
  }
  assert.equal((await world.open.stats()).connection.reconnects, 0);
  await world.end({ recovery: await world.recovers() });
});

test('what comes upon a database that is missing waits until it is there, and is answered', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server } = world;
  await world.strict.put('key', 'before', '1m');
  for (let times = 1; times <= 3; times += 1) {
    server.destroyDatabase();
    await world.round('up');
    assert.equal(world.asked(isDatabase).length, 1 + times, 'one store makes it, and once');
    assert.equal(await world.strict.get('key'), null);
    assert.equal(server.database().revsLimit, 5);
    assert.ok(server.database().read('_design/cache'));
  }
  await world.end();
});

test('a database that cannot be made at once', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { server } = world;
  server.faults.noShards({ times: 3, path: /^\/cache(\/_design\/cache)?$/ });
  server.destroyDatabase();
  await until('it is made', () => world.strict.put('key', 1, '1m').then(() => true));
  await world.end({ recovery: await world.recovers() });
});

test('a database that is said to be missing, and is there', async (t) => {
  const world = await startWorld(t, { patient: true });
  let seen = 0;
  const missing = world.server.faults.noDatabase(({ path }) => path !== '/cache' && (seen += 1) % 4 === 0);
  for (let round = 0; round < 3; round += 1) await world.round('up');
  assert.ok(missing.hits > 5);
  missing.release();
  await world.end({ recovery: await world.recovers() });
});

for (const status of [413, 400]) {
  test(`a document that is refused with ${status} does not take others of its batch with it`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { server, open, strict, events } = world;
    server.faults.answer({ path: WRITES, body: ({ docs }) => docs.some(named('large')) }, status, {
      error: 'document_too_large',
      reason: 'entry:cache:large',
    });
    const names = Array.from({ length: 30 }, (_, at) => `small:${at}`);
    const puts = [...names.slice(0, 15), 'large', ...names.slice(15)].map((name) =>
      open.put(name, name, '1m'),
    );
    await Promise.all(puts);
    assert.deepEqual(
      events.map(({ operation, key, error }) => [operation, key, error.code]),
      [['put', 'large', 'CACHE_UNAVAILABLE']],
    );
    for (const name of names) assert.equal(await strict.get(name), name);
    assert.equal(await strict.get('large'), null);
    await assert.rejects(strict.put('large', 1, '1m'), {
      code: 'CACHE_UNAVAILABLE',
      message: /document_too_large/,
    });
    await assert.rejects(strict.add('large', 1, '1m'), { code: 'CACHE_UNAVAILABLE' });
    assert.equal(await world.state(), 'up');
    server.faults.clear();
    await strict.put('large', 1, '1m');
    await world.end();
  });
}

test('a document that the server itself finds too large goes alone', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { strict } = world;
  // The value is not, but the tags' names are kept with it.
  const tags = Array.from({ length: 9 }, (_, at) => `${at}${'x'.repeat(1_000_000)}`);
  const [large, small, other] = await Promise.allSettled([
    strict.tags(tags).put('large', 1, '1m'),
    strict.put('small', 1, '1m'),
    strict.tags(['tag']).put('other', 1, '1m'),
  ]);
  assert.equal(large.status, 'rejected');
  assert.deepEqual([small.status, other.status], ['fulfilled', 'fulfilled']);
  assert.equal(await strict.get('large'), null);
  assert.equal(await strict.get('small'), 1);
  await world.end();
});

test('a value that is larger than maxValueBytes never reaches the server', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true, config: { maxValueBytes: 1000 } });
  const { open, strict, server } = world;
  await strict.put('key', 'before', '1m');
  const large = 'x'.repeat(1001);
  const from = server.requests.length;
  for (const cache of [open, strict]) {
    await assert.rejects(cache.put('key', large, '1m'), {
      code: 'CACHE_INVALID_VALUE',
      message: /maxValueBytes/,
    });
    await assert.rejects(cache.add('new', large, '1m'), { code: 'CACHE_INVALID_VALUE' });
    await assert.rejects(cache.putMany({ key: large, small: 1 }, '1m'), { code: 'CACHE_INVALID_VALUE' });
  }
  assert.equal(await strict.get('key'), 'before');
  const computed = await strict.remember('made', '1m', () => large).catch(({ code }) => code);
  assert.ok(computed === large || computed === 'CACHE_INVALID_VALUE');
  // Nobody waits for the lease of what could not be kept.
  assert.equal(
    await world.another({ config: { maxValueBytes: 1000 } }).remember('made', '1m', () => 'small'),
    'small',
  );
  await strict.put('key', 'y'.repeat(998), '1m');
  for (const { body } of server.requests.slice(from)) {
    assert.ok(!JSON.stringify(body ?? {}).includes(large.slice(0, 1000)));
  }
  await world.end();
});

test('an answer that is none of the protocol is no value', async (t) => {
  const world = await startWorld(t);
  const { faults } = world.server;
  for (const answer of ['<html>welcome</html>', '{}', '[]', '{"results":[{}]}', '', '{"results":']) {
    const fault = faults.answer(({ path }) => path.startsWith('/cache/'), 200, answer);
    await world.round('down', {
      only: (name) => ['get', 'has', 'many', 'put', 'add', 'increment'].includes(name),
    });
    await world.flows(3);
    fault.release();
  }
  await world.end({ recovery: await world.recovers() });
});
