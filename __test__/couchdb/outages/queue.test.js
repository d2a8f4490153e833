'use strict';

// A queue that is full: what is refused then is refused at once, and does no harm later.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { SLACK, TIMEOUT, startWorld } = require('./world.js');
require('../../support/alive.js');

const MOST = 50;

const timed = async (promise) => {
  const started = performance.now();
  await promise.catch(() => {});
  return performance.now() - started;
};

/** Two caches with a short queue, and one of another process's kind. */
async function startNarrow(t) {
  const world = await startWorld(t, { traffic: false });
  const config = { url: world.url, maxQueue: MOST };
  const options = { config, hardTimeout: '4s' };
  const [open, strict] = [world.cache(options), world.cache({ failOpen: false, ...options })];
  const other = world.another({ hardTimeout: '4s' });
  await Promise.all([strict.ready(), other.ready()]);
  const pending = async () => (await strict.stats()).connection.pending;
  let stalled;
  /** Has nothing answered and fills the queue; what then waits. */
  const fill = async () => {
    stalled = world.server.faults.stall();
    const held = Array.from({ length: MOST }, (_, at) => timed(open.get(`key:${at}`)));
    await until('the queue is full', async () => (await pending()) >= MOST, { every: 1 });
    return held;
  };
  const resume = () => stalled.release();
  return { world, open, strict, other, pending, fill, resume };
}

test('a full queue refuses at once, and what it holds is bounded', async (t) => {
  const { world, open, strict, pending, fill, resume } = await startNarrow(t);
  const held = await fill();
  const started = performance.now();
  await assert.rejects(strict.get('another'), { code: 'CACHE_UNAVAILABLE', message: /maxQueue/ });
  await assert.rejects(strict.increment('another'), { code: 'CACHE_UNAVAILABLE', message: /maxQueue/ });
  await assert.rejects(strict.flush(), { code: 'CACHE_UNAVAILABLE', message: /maxQueue/ });
  assert.equal(await open.get('another'), null);
  const refusal = performance.now() - started;
  assert.ok(refusal < 250, `refused after ${refusal} ms`);
  // Far more than fit, in one batch.
  const many = Array.from({ length: 2000 }, () => timed(open.get('key')));
  const most = await pending();
  assert.ok(most <= MOST, `${most} are pending`);
  const longest = Math.max(...(await Promise.all([...held, ...many])));
  assert.ok(longest < TIMEOUT + SLACK, `a get took ${longest} ms`);
  resume();
  await world.end({ recovery: await world.recovers(), refusal, longest });
});

test('a full queue: remember runs its factory', async (t) => {
  const { world, open, strict, fill, resume } = await startNarrow(t);
  const held = await fill();
  await assert.rejects(
    strict.remember('key', '1m', () => 'made'),
    { code: 'CACHE_UNAVAILABLE' },
  );
  assert.equal(await open.remember('key', '1m', () => 'made'), 'made');
  resume();
  await Promise.all(held);
  await world.end({ recovery: await world.recovers() });
});

for (const [how, fails] of /** @type {const} */ ([
  ['is done', false],
  ['fails', true],
])) {
  test(`a factory that ${how} while the queue is full leaves nothing behind that others wait for`, async (t) => {
    const { world, open, other, fill, resume } = await startNarrow(t);
    let held;
    const first = await open
      .remember('key', '1m', async () => {
        held = await fill();
        if (fails) throw new Error('the factory failed');
        return 'first';
      })
      .catch((error) => error.message);
    assert.equal(first, fails ? 'the factory failed' : 'first');
    resume();
    await Promise.all(held);
    const recovery = await world.recovers();
    assert.equal((await open.stats()).flights, 0);
    // The lease lapses, at the latest.
    const started = performance.now();
    const values = await Promise.all(
      [open, other].map((cache) => cache.remember('key', '1m', () => 'second')),
    );
    const again = performance.now() - started;
    for (const value of values) assert.match(value, /^(first|second)$/);
    assert.ok(again < 1500 + SLACK, `it took ${Math.round(again)} ms`);
    await world.end({ recovery, again });
  });
}

test('thousands of keys at once are few requests, and none is refused', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true, config: { maxQueue: 10_000 } });
  const { open, strict, server, events } = world;
  const keys = Array.from({ length: 3000 }, (_, at) => `key:${at}`);
  const from = server.requests.length;
  await Promise.all(keys.map((key) => open.put(key, key, '1m')));
  const values = await strict.many(keys);
  assert.ok(keys.every((key) => values.get(key) === key));
  assert.deepEqual(events, []);
  const count = server.requests.length - from;
  assert.ok(count < 100, `${count} requests`);
  await world.end({ count });
});
