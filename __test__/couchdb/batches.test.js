'use strict';

// What is asked at the same time goes to the server in few requests. They are counted where they arrive.

const assert = require('node:assert/strict');

const { until } = require('../support/wait.js');
const { onFake } = require('./consistency/world.js');
require('../support/alive.js');

const READ = '/_bulk_get';
const WRITE = '/_bulk_docs';
/** The most documents and bytes that one request writes; docs/couchdb.md has the measurements. */
const MOST_WRITTEN = 200;
const MOST_BYTES = 1 << 20;

const numbered = (count, prefix = 'k') => Array.from({ length: count }, (_, number) => `${prefix}${number}`);
const idOf = (key) => `entry:cache:${key}`;
const sorted = (list) => [...list].sort();

/** A cache that is connected, and the requests that it makes from now on. */
async function counted(world, options) {
  const cache = world.open(options);
  await cache.ready();
  return { cache, since: counter(world) };
}

/** Counts from now on: the ids that each request of a kind has asked for or written. */
function counter(world) {
  let from = world.fake.requests.length;
  return {
    reads: () => world.asked(READ, from).map(({ body }) => body.docs.map(({ id }) => id)),
    writes: () => world.asked(WRITE, from).map(({ body }) => body.docs.map(({ _id }) => _id)),
    all: () => world.fake.requests.slice(from).map(({ path }) => path.slice(world.database.length + 1)),
    again: () => {
      from = world.fake.requests.length;
    },
  };
}

/** Whether so many requests of a cache have no answer yet. */
const pending = (cache, count) => async () => (await cache.stats()).connection.pending === count;

/** A request is held at the server, for one key that nobody else asks for. */
async function busy(world, path, ask) {
  const held = world.fake.faults.stall({ path: `/${world.database}${path}` });
  const asked = ask('busy');
  await held.seen(1);
  return async () => {
    held.release();
    await asked;
  };
}

onFake('64 gets of one tick are few requests, and none asks twice for the same', async (world) => {
  const keys = numbered(64);
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, key]));
  since.again();
  assert.deepEqual(await Promise.all(keys.map((key) => cache.get(key))), keys);
  const reads = since.reads();
  for (const ids of reads) assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(sorted(reads.flat()), sorted(keys.map(idOf)));
  assert.deepEqual(since.writes(), []);
  assert.ok(reads.length <= 4, `${reads.length} requests: ${reads.map((ids) => ids.length)}`);
});

onFake('gets that come while the server is busy with others are one request', async (world) => {
  const keys = numbered(64);
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, key]));
  const goOn = await busy(world, READ, (key) => cache.get(key));
  since.again();
  const gets = Promise.all(keys.map((key) => cache.get(key)));
  await until('all of them wait', pending(cache, 65));
  await goOn();
  assert.deepEqual(await gets, keys);
  assert.deepEqual(since.reads().map(sorted), [sorted(keys.map(idOf))]);
});

onFake('callers who ask for one key share what is read', async (world) => {
  const { cache, since } = await counted(world);
  await cache.put('k', 'v');
  const goOn = await busy(world, READ, (key) => cache.get(key));
  since.again();
  const gets = [cache.get('k'), cache.has('k'), cache.many(['k', 'k']), cache.get('k'), cache.ttl('k')];
  await until('all of them wait', pending(cache, 6));
  await goOn();
  const [value, is, many] = await Promise.all(gets);
  assert.deepEqual([value, is, many.get('k')], ['v', true, 'v']);
  assert.deepEqual(since.reads(), [[idOf('k')]]);
});

onFake('a many of 100 keys is at most four requests', async (world) => {
  const keys = numbered(100);
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, key]));
  since.again();
  assert.deepEqual([...(await cache.many([...keys, 'none'])).values()], [...keys, null]);
  const reads = since.reads();
  assert.ok(reads.length <= 4, `${reads.length} requests`);
  assert.deepEqual(sorted(reads.flat()), sorted([...keys, 'none'].map(idOf)));
  assert.equal(since.all().length, reads.length);
});

onFake('a tagged get of a key that was seen before is one request', async (world) => {
  const { cache: writer } = await counted(world);
  await writer.tags(['t', 'u']).put('k', 'v');
  const { cache, since } = await counted(world, { config: { maxQueue: 5000 } });
  assert.equal(await cache.get('k'), 'v');
  assert.deepEqual(since.reads(), [[idOf('k')], ['tag:cache:t', 'tag:cache:u']]);
  since.again();
  assert.equal(await cache.get('k'), 'v');
  assert.deepEqual(since.reads(), [[idOf('k'), 'tag:cache:t', 'tag:cache:u']]);
  assert.deepEqual(since.all(), [READ]);
  since.again();
  assert.equal(await writer.get('k'), 'v');
  assert.deepEqual(since.all(), [READ]);
});

onFake('a tag that many values have is read once with them', async (world) => {
  const keys = numbered(20);
  const { cache, since } = await counted(world);
  await cache.tags(['t']).putMany(keys.map((key) => [key, key]));
  const goOn = await busy(world, READ, (key) => cache.get(key));
  since.again();
  const gets = Promise.all(keys.map((key) => cache.get(key)));
  await until('all of them wait', pending(cache, 21));
  await goOn();
  assert.deepEqual(await gets, keys);
  assert.deepEqual(since.reads().map(sorted), [sorted([...keys.map(idOf), 'tag:cache:t'])]);
});

onFake('64 puts of one tick over known keys are one request, and nothing is read before', async (world) => {
  const keys = numbered(64);
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, 'old']));
  since.again();
  await Promise.all(keys.map((key) => cache.put(key, 'new')));
  assert.deepEqual(since.reads(), []);
  assert.deepEqual(
    since.writes().map((ids) => ids.length),
    [64],
  );
  assert.equal(await cache.get('k63'), 'new');
});

onFake('puts that come while the server is busy with others are one request', async (world) => {
  const keys = numbered(64);
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, 'old']));
  const goOn = await busy(world, WRITE, (key) => cache.put(key, 1));
  since.again();
  const puts = Promise.all(keys.map((key) => cache.put(key, 'new')));
  await until('all of them wait', pending(cache, 65));
  await goOn();
  await puts;
  assert.deepEqual(since.all(), [WRITE]);
  assert.deepEqual(since.writes().map(sorted), [sorted(keys.map(idOf))]);
});

onFake('puts of new keys read nothing', async (world) => {
  const { cache, since } = await counted(world);
  await Promise.all(numbered(64).map((key) => cache.put(key, 1)));
  assert.deepEqual(since.reads(), []);
  assert.equal(since.writes().flat().length, 64);
});

onFake('puts over keys that only others know are refused once, and then made', async (world) => {
  const keys = numbered(64);
  const { cache: other } = await counted(world);
  await other.putMany(keys.map((key) => [key, 'theirs']));
  const { cache, since } = await counted(world, { config: { maxQueue: 5000 } });
  await Promise.all(keys.map((key) => cache.put(key, 'mine')));
  assert.deepEqual(sorted(since.writes().flat()), sorted([...keys, ...keys].map(idOf)));
  assert.deepEqual(sorted(since.reads().flat()), sorted(keys.map(idOf)));
  for (const key of keys) assert.equal(await other.get(key), 'mine');
  // From now on they are known.
  since.again();
  await Promise.all(keys.map((key) => cache.put(key, 'again')));
  assert.deepEqual(since.reads(), []);
  assert.equal(since.writes().flat().length, 64);
});

onFake('of 64 puts only those are made again that another writer was in the way of', async (world) => {
  const keys = numbered(64);
  const changed = ['k7', 'k30', 'k63'];
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, 'old']));
  for (const key of changed) world.stored.write({ _id: idOf(key), value: '"theirs"', updatedAt: 1 });
  const goOn = await busy(world, WRITE, (key) => cache.put(key, 1));
  since.again();
  const puts = Promise.all(keys.map((key) => cache.put(key, 'new')));
  await until('all of them wait', pending(cache, 65));
  await goOn();
  await puts;
  const [first, ...rest] = since.writes();
  assert.equal(first.length, 64);
  assert.deepEqual(rest.map(sorted), [sorted(changed.map(idOf))]);
  assert.deepEqual(since.reads().map(sorted), [sorted(changed.map(idOf))]);
  for (const key of keys) assert.equal(await cache.get(key), 'new');
});

onFake('forgetting many keys that are known is few reads and one write', async (world) => {
  const keys = numbered(64);
  const { cache, since } = await counted(world);
  await cache.putMany(keys.map((key) => [key, 1]));
  const goOn = await busy(world, READ, (key) => cache.get(key));
  since.again();
  const gone = cache.forgetMany(keys);
  await until('all of them wait', pending(cache, 65));
  await goOn();
  assert.equal(await gone, 64);
  assert.deepEqual(since.reads().map(sorted), [sorted(keys.map(idOf))]);
  assert.deepEqual(since.writes().map(sorted), [sorted(keys.map(idOf))]);
});

onFake('one request writes no more than so many documents', async (world) => {
  const { cache, since } = await counted(world);
  const keys = numbered(1000);
  await cache.putMany(keys.map((key) => [key, key]));
  const writes = since.writes();
  assert.deepEqual(sorted(writes.flat()), sorted(keys.map(idOf)));
  for (const ids of writes) assert.ok(ids.length <= MOST_WRITTEN, `${ids.length} documents`);
  // As many as that where there are as many.
  assert.ok(
    writes.some((ids) => ids.length === MOST_WRITTEN),
    `${writes.map((ids) => ids.length)}`,
  );
  assert.equal((await cache.many(keys)).get('k999'), 'k999');
});

onFake('one request writes no more than so many bytes, unless one value alone has more', async (world) => {
  const { cache } = await counted(world);
  const from = world.fake.requests.length;
  const values = [...Array(40).fill('x'.repeat(100_000)), 'y'.repeat(3_000_000)];
  await cache.putMany(values.map((value, number) => [`k${number}`, value]));
  let alone = 0;
  for (const { body } of world.asked(WRITE, from)) {
    const bytes = Buffer.byteLength(JSON.stringify(body));
    if (bytes > MOST_BYTES + 1000) {
      assert.equal(body.docs.length, 1);
      alone += 1;
    }
  }
  assert.equal(alone, 1);
  for (const [number, value] of values.entries()) assert.equal(await cache.get(`k${number}`), value);
});

onFake('50 steps of one tick are one write', async (world) => {
  const { cache, since } = await counted(world);
  const numbers = await Promise.all(Array.from({ length: 50 }, () => cache.increment('n')));
  assert.deepEqual(
    numbers,
    Array.from({ length: 50 }, (_, number) => number + 1),
  );
  assert.deepEqual(since.writes(), [[idOf('n')]]);
});

onFake('steps that wait for the same counter are one write', async (world) => {
  const { cache, since } = await counted(world);
  await cache.increment('n');
  const held = world.fake.faults.hold({ path: `/${world.database}${READ}` });
  const before = cache.get('n');
  await held.arrived;
  since.again();
  const steps = Array.from({ length: 50 }, (_, number) => cache.increment('n', number % 2 ? -0.5 : 2));
  await until('all of them wait', pending(cache, 51));
  held.release();
  assert.equal(await before, 1);
  const numbers = await Promise.all(steps);
  let expected = 1;
  for (const [number, answered] of numbers.entries()) {
    expected += number % 2 ? -0.5 : 2;
    assert.equal(answered, expected);
  }
  assert.deepEqual(since.all(), [READ, WRITE]);
  assert.equal(await cache.get('n'), expected);
});

onFake('a remember that misses is a read and a write twice over, one that hits is a read', async (world) => {
  const { cache, since } = await counted(world);
  assert.equal(await cache.remember('k', () => 'v'), 'v');
  // The second read is of the lease: a write that names its revision proves nothing where there is no document.
  assert.deepEqual(since.all(), [READ, WRITE, READ, WRITE]);
  since.again();
  assert.equal(await cache.remember('k', () => assert.fail('a miss')), 'v');
  assert.deepEqual(since.all(), [READ]);
  since.again();
  assert.equal(await cache.tags(['t']).remember('tagged', () => 'v'), 'v');
  assert.equal(await cache.tags(['t']).remember('other', () => 'v'), 'v');
  since.again();
  assert.equal(await cache.tags(['t']).remember('tagged', () => assert.fail('a miss')), 'v');
  assert.deepEqual(since.all(), [READ]);
});
