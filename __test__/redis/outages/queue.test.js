'use strict';

// A queue that is full: what is refused then is refused at once, and does no harm later.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { until } = require('../../support/wait.js');
const { SLACK, TIMEOUT, startWorld } = require('./world.js');
require('../../support/alive.js');

const MOST = 50;
/** Long enough for what is to happen while the queue is full. */
const NARROW_TIMEOUT = 1000;

const timed = async (promise) => {
  const started = performance.now();
  await promise.catch(() => {});
  return performance.now() - started;
};

/** Two caches with a short queue, and one of another process's kind: on a connection of its own. */
async function startNarrow(t) {
  const world = await startWorld(t, { traffic: false });
  const config = { url: world.url, maxQueue: MOST, commandTimeout: NARROW_TIMEOUT / 1000 };
  const options = { config, hardTimeout: '4s' };
  const [open, strict] = [world.cache(options), world.cache({ failOpen: false, ...options })];
  const other = world.cache({ ...options, config: { ...config, maxQueue: MOST + 1 } });
  await Promise.all([strict.ready(), other.ready()]);
  const pending = async () => (await strict.stats()).connection.pending;
  /** Stops the way to the server and fills the queue; what then waits. A process that is stopped may answer once more. */
  const fill = async () => {
    world.proxy.pause();
    const held = Array.from({ length: MOST }, (_, at) => timed(open.get(`key:${at}`)));
    await until('the queue is full', async () => (await pending()) >= MOST, { every: 1 });
    return held;
  };
  return { world, open, strict, other, pending, fill };
}

test('a full queue refuses at once, and what it holds is bounded', async (t) => {
  const { world, open, strict, pending, fill } = await startNarrow(t);
  const held = await fill();
  const started = performance.now();
  await assert.rejects(strict.get('another'), { code: 'CACHE_UNAVAILABLE', message: /maxQueue/ });
  await assert.rejects(strict.increment('another'), { code: 'CACHE_UNAVAILABLE', message: /maxQueue/ });
  assert.equal(await open.get('another'), null);
  const refusal = performance.now() - started;
  assert.ok(refusal < 150, `refused after ${refusal} ms`);
  // Far more than fit, in one batch.
  const many = Array.from({ length: 2000 }, () => timed(open.get('key')));
  const most = await pending();
  assert.ok(most <= MOST, `${most} are pending`);
  const longest = Math.max(...(await Promise.all([...held, ...many])));
  assert.ok(longest < NARROW_TIMEOUT + SLACK, `a get took ${longest} ms`);
  world.proxy.resume();
  await world.end({ recovery: await world.recovers(), refusal, longest });
});

test('a full queue: remember runs its factory', async (t) => {
  const { world, open, strict, fill } = await startNarrow(t);
  const held = await fill();
  await assert.rejects(
    strict.remember('key', '1m', () => 'made'),
    { code: 'CACHE_UNAVAILABLE' },
  );
  assert.equal(await open.remember('key', '1m', () => 'made'), 'made');
  world.proxy.resume();
  await Promise.all(held);
  await world.end({ recovery: await world.recovers() });
});

for (const [how, fails] of [
  ['is done', false],
  ['fails', true],
]) {
  test(`a factory that ${how} while the queue is full leaves nothing behind that others wait for`, async (t) => {
    const { world, open, other, fill } = await startNarrow(t);
    let held;
    const first = await open
      .remember('key', '1m', async () => {
        held = await fill();
        if (fails) throw new Error('the factory failed');
        return 'first';
      })
      .catch((error) => error.message);
    assert.equal(first, fails ? 'the factory failed' : 'first');
    world.proxy.resume();
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
    assert.ok(again < 1500, `it took ${Math.round(again)} ms`);
    await world.end({ recovery, again });
  });
}

test('a factory that ran without the server and is done while the queue is full leaves nothing behind', async (t) => {
  const { world, open, strict, fill } = await startNarrow(t);
  world.proxy.pause();
  let held;
  const first = await open.remember('key', '1m', async () => {
    held = await fill();
    return 'first';
  });
  assert.equal(first, 'first');
  await Promise.all(held);
  await until('it is given up', async () => {
    await open.get('key');
    return (await strict.stats()).connection.state === 'down';
  });
  assert.equal((await open.stats()).flights, 0);
  const again = await timed(open.remember('key', '1m', () => 'second'));
  assert.ok(again < TIMEOUT + SLACK, `it took ${Math.round(again)} ms`);
  world.proxy.resume();
  await world.end({ recovery: await world.recovers(), again });
});
