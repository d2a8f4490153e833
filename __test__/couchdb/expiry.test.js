'use strict';

// What has expired is a miss, and leaves the database: after it was read, or by the sweep. What lives stays.

const assert = require('node:assert/strict');

const { gate } = require('../support/deferred.js');
const { until } = require('../support/wait.js');
const { listed, onBoth, onFake } = require('./consistency/world.js');
require('../support/alive.js');

const VIEW = '/_design/cache/_view/expired';
/** Who has swept last, and when. */
const SWEEP = 'sweep:expired';
const PAST = Date.now() - 60_000;
const OLD = { expiresAt: PAST, updatedAt: PAST - 60_000 };
const FUTURE = Date.now() + 3_600_000;
/** What has expired stays for two thirds of a lease. */
const leaseTtl = '150ms';
const config = { sweep: '1s', leaseTtl };
/** Nothing is swept during the test. */
const unswept = { config: { leaseTtl } };

/** Whose requests can be told apart. */
const admins = Object.fromEntries(
  ['root', 'first', 'second'].map((name) => [name, { password: name, role: /** @type {const} */ ('admin') }]),
);
/** May do all in a database but purge. */
const owner = { root: admins.root, owner: { password: 'x', role: /** @type {const} */ ('dbadmin') } };

const deletions = async (world) => (await world.ask('GET', '')).body.doc_del_count;
const changed = async (world) => (await world.ask('GET', '/_changes')).body.results.map(({ id }) => id);
const inOrder = (list) => [...list].sort();

/** Whether a request asks for the document that says who swept last. */
const looks = ({ path, body }) => path.endsWith('/_bulk_get') && body.docs.some(({ id }) => id === SWEEP);
const claims = ({ path, body }) => path.endsWith('/_bulk_docs') && body.docs.some(({ _id }) => _id === SWEEP);

/** Resolves when a user's cache has looked so often whether it is to sweep. */
const looked = (world, user, count) =>
  world.fake.seen((request) => request.user === user && looks(request), count);

onBoth('what is read when it has expired is a miss, and leaves nothing behind', async (world) => {
  const cache = world.open(unswept);
  await cache.ready();
  const keys = ['get', 'has', 'many', 'ttl'];
  for (const key of keys) await world.write(`entry:cache:${key}`, { value: '1', ...OLD });
  assert.equal(await cache.get('get'), null);
  assert.equal(await cache.has('has'), false);
  assert.equal((await cache.many(['many'])).get('many'), null);
  assert.equal(await cache.ttl('ttl'), null);
  await until('they are gone', async () => (await world.ids()).length === 0);
  for (const key of keys) assert.equal(await world.document(`entry:cache:${key}`), 'missing');
  assert.deepEqual(await changed(world), ['_design/cache']);
  assert.equal(await deletions(world), 0);
});

onBoth('a value is gone when its time is over, by whoever reads it', async (world) => {
  const cache = world.open(unswept);
  await cache.put('k', 'v', '200ms');
  const { expiresAt } = await world.document('entry:cache:k');
  await until('it is a miss', async () => (await cache.get('k')) === null);
  // Two machines may have two clocks.
  assert.ok(world.fake === undefined || Date.now() >= expiresAt);
  await until('it is gone', async () => (await world.document('entry:cache:k')) === 'missing');
});

onFake('the clock that counts is that of the server', async (world, _t, clock) => {
  const cache = world.open(unswept);
  await cache.put('k', 'v', '1h');
  await cache.put('later', 'v', '3h');
  clock.ahead = 2 * 3_600_000;
  assert.equal(await cache.get('k'), null);
  assert.equal(await cache.get('later'), 'v');
  await until('it is gone', async () => (await world.document('entry:cache:k')) === 'missing');
});

onFake(
  'who may not purge deletes what was read, and tries to purge once',
  { users: owner },
  async (world) => {
    await world.ask('PUT', '');
    const cache = world.open({ user: 'owner', ...unswept });
    for (const key of ['a', 'b']) {
      await world.write(`entry:cache:${key}`, { value: '1', ...OLD });
      assert.equal(await cache.get(key), null);
      await until('it is deleted', async () => (await world.document(`entry:cache:${key}`)) === 'deleted');
    }
    assert.deepEqual(
      world.asked('/_purge').map(({ status }) => status),
      [401],
    );
    await cache.put('a', 'anew');
    assert.equal(await cache.get('a'), 'anew');
  },
);

for (const { how, settings, user } of [
  { how: 'purges', settings: { users: admins }, user: 'first' },
  { how: 'deletes', settings: { users: owner }, user: 'owner' },
]) {
  onFake(`who ${how} what was read spares what was put meanwhile`, settings, async (world) => {
    await world.ask('PUT', '');
    const cache = world.open({ user, ...unswept });
    await world.write('entry:cache:k', { value: '"old"', ...OLD });
    const removal = ({ path, body }) =>
      path.endsWith('/_purge') || (path.endsWith('/_bulk_docs') && body.docs.some((doc) => doc._deleted));
    const held = world.fake.faults.hold(removal);
    assert.equal(await cache.get('k'), null);
    await held.arrived;
    await cache.put('k', 'new');
    held.release();
    // A second one is removed, so the first removal is over.
    await world.write('entry:cache:other', { value: '1', ...OLD });
    assert.equal(await cache.get('other'), null);
    const gone = how === 'purges' ? 'missing' : 'deleted';
    await until('it is gone', async () => (await world.document('entry:cache:other')) === gone);
    assert.equal(await cache.get('k'), 'new');
  });
}

onBoth('the sweep takes what has expired, whatever it was, and leaves all else', async (world) => {
  await world.ask('PUT', '');
  const dead = {
    'entry:cache:expired': { value: '1', ...OLD },
    'entry:cache:stale': { value: '1', ...OLD, freshUntil: PAST - 1000, tags: { 'cache:t': 'c1-0' } },
    'entry:cache:gone': OLD,
    'entry:cache:failed': { failed: { token: 'x', error: '{}' }, ...OLD },
    'entry:cache:lapsed': { lease: { token: 'x', until: PAST, tags: {} }, ...OLD },
    'entry:other:counter': { value: '17', ...OLD },
    [`entry~${'0'.repeat(64)}`]: { key: 'cache:long', value: '1', ...OLD },
    'tag:cache:old': { epoch: 'f1-0', ...OLD },
    'lock:cache:old': { owner: 'x', until: PAST - 3_600_000, fence: 1, ...OLD },
    'user:1': { value: { of: 'the plugin' }, ...OLD },
  };
  const alive = {
    'user:2': { value: { of: 'the plugin' }, expiresAt: FUTURE, updatedAt: 1 },
    'user:3': { value: 'for ever', updatedAt: 1 },
    other: { of: 'another program' },
    'entry:cache:grace': { value: '"stale"', freshUntil: PAST, expiresAt: FUTURE, updatedAt: PAST },
  };
  for (const [id, body] of Object.entries({ ...dead, ...alive })) await world.write(id, body);

  const cache = world.open({ config });
  const factory = gate();
  const running = cache.remember('running', factory);
  await factory.started;
  await cache.put('live', 'v', '1h');
  await cache.put('for ever', 'v', Infinity);
  await cache.tags(['t']).put('tagged', 'v');
  await cache.increment('counter', 5, '1h');
  await cache.put('forgotten', 'v');
  await cache.forget('forgotten');
  const held = await cache.lock('held', '1h');
  const released = await cache.lock('released', '1h');
  await released.release();

  const left = [
    ...Object.keys(alive),
    ...['running', 'live', 'for ever', 'tagged', 'counter', 'forgotten'].map((key) => `entry:cache:${key}`),
    ...['tag:cache:t', 'lock:cache:held', 'lock:cache:released', SWEEP],
  ];
  await until('what has expired is gone', async () => {
    const ids = new Set(await world.ids());
    return Object.keys(dead).every((id) => !ids.has(id));
  });
  assert.deepEqual(inOrder(await world.ids()), inOrder(left));
  assert.equal(await deletions(world), 0);
  for (const id of Object.keys(dead)) assert.equal(await world.document(id), 'missing');

  factory.resolve('computed');
  assert.equal(await running, 'computed');
  assert.equal(await cache.get('running'), 'computed');
  assert.deepEqual([...(await cache.many(['live', 'for ever', 'tagged'])).values()], ['v', 'v', 'v']);
  assert.equal(await cache.increment('counter'), 6);
  assert.equal((await cache.lock('held', { maxRetries: 0 })).acquired, false);
  assert.equal(await held.release(), true);
  assert.ok((await cache.lock('released', '1h')).token > released.token);
  for (const [id, body] of Object.entries(alive)) {
    const { _id, _rev, ...found } = await world.document(id);
    assert.deepEqual(found, body);
  }
});

onFake('who may not purge sweeps by deleting', { users: owner }, async (world) => {
  await world.ask('PUT', '');
  for (let number = 0; number < 150; number += 1) {
    await world.write(`entry:cache:k${number}`, { value: '1', ...OLD });
  }
  const cache = world.open({ user: 'owner', config });
  await cache.put('k', 'live');
  await until('all are gone', async () => (await world.ids()).length === 2);
  assert.deepEqual(inOrder(await world.ids()), ['entry:cache:k', SWEEP]);
  assert.equal(await deletions(world), 150);
  assert.deepEqual(
    world.asked('/_purge').map(({ status }) => status),
    [401],
  );
});

onBoth('there may be more than one page of them, and many of one moment', async (world) => {
  await world.ask('PUT', '');
  const docs = Array.from({ length: 350 }, (_, number) => ({
    // Ids that are compared as text, and some that a URL gives a meaning to.
    _id: `entry:cache:${['', 'é&+', '%2F"', '😀/'][number % 4]}${number}`,
    value: '1',
    ...OLD,
    expiresAt: number < 250 ? PAST : PAST - number,
  }));
  await world.ask('POST', '/_bulk_docs', { docs });
  await world.open({ config }).ready();
  await until('all are gone', async () => (await world.ids()).join() === SWEEP);
  assert.equal(await deletions(world), 0);
  if (world.fake === undefined) return;
  const purged = world.asked('/_purge').map(({ body }) => Object.keys(body).length);
  assert.deepEqual(purged, [100, 100, 100, 50]);
});

onBoth('what other programs call expiresAt does not stop it', async (world) => {
  await world.ask('PUT', '');
  const theirs = { flag: true, text: 'tomorrow', list: [1], nested: { at: 1 }, soon: FUTURE + 0.5 };
  for (const [id, expiresAt] of Object.entries(theirs)) await world.write(id, { expiresAt });
  await world.write('before 1970', { expiresAt: -1.5 });
  await world.write('entry:cache:expired', { value: '1', ...OLD });
  await world.open({ config }).ready();
  await until('it is gone', async () => (await world.document('entry:cache:expired')) === 'missing');
  assert.deepEqual(inOrder(await world.ids()), inOrder([...Object.keys(theirs), SWEEP]));
});

onFake('one of the fleet sweeps, once in a period', async (world) => {
  await world.ask('PUT', '');
  /** When there was a sweep, by what its document says. */
  const times = [];
  world.stored.on('change', () => {
    const at = world.stored.read(SWEEP)?.updatedAt;
    if (at !== undefined && at !== times.at(-1)) times.push(at);
  });
  // The first time both want to.
  const held = world.fake.faults.hold({ path: `/${world.database}/_bulk_docs`, times: 2 });
  const caches = [world.open({ config }), world.open({ config: { ...config, maxQueue: 5000 } })];
  for (const cache of caches) await cache.ready();
  await held.seen(2);
  held.release();
  await until('there were three sweeps', () => times.length >= 3);
  for (const cache of caches) await cache.close();
  for (const [number, at] of times.slice(1).entries()) {
    assert.ok(at - times[number] >= 800, `sweeps at ${times}`);
  }
  // Nothing has expired, so each sweep asks once.
  assert.ok(world.asked(VIEW).length <= times.length, `${world.asked(VIEW).length} for ${times.length}`);
  assert.ok(world.fake.requests.filter(claims).length >= times.length + 1);
});

onFake('it stops when the cache is closed', { users: admins }, async (world) => {
  const closed = world.open({ user: 'first', config });
  await closed.ready();
  // Nothing has expired, so a sweep is over when its one question is answered.
  await until('it has swept', () => world.asked(VIEW).some(({ status }) => status === 200));
  await closed.close();
  const from = world.fake.requests.length;
  await world.open({ user: 'second', config }).ready();
  // Three periods of the other's are at least two of this one's.
  await looked(world, 'second', 3);
  assert.deepEqual(
    world.fake.requests.slice(from).filter(({ user }) => user === 'first'),
    [],
  );
});

onFake(
  'one that is under way ends with its page when the cache is closed',
  { users: admins },
  async (world) => {
    await world.ask('PUT', '');
    const docs = Array.from({ length: 350 }, (_, number) => ({ _id: `k${number}`, ...OLD }));
    await world.ask('POST', '/_bulk_docs', { docs });
    const held = world.fake.faults.hold({ path: `/${world.database}${VIEW}` });
    const closed = world.open({ user: 'first', config });
    await closed.ready();
    await held.arrived;
    await closed.close();
    held.release();
    await world.open({ user: 'second', config }).ready();
    await until('the other has swept the rest', async () => (await world.ids()).join() === SWEEP);
    const asked = world.asked(VIEW).filter(({ user }) => user === 'first');
    assert.equal(asked.length, 1);
  },
);

onFake('a cache without a sweep leaves it to others', { users: admins }, async (world) => {
  const without = world.open({ user: 'first', config: { sweep: false } });
  await without.put('k', 1);
  await world.write('entry:cache:expired', { value: '1', ...OLD });
  await world.open({ user: 'second', config }).ready();
  await until('it is gone', async () => (await world.document('entry:cache:expired')) === 'missing');
  await looked(world, 'second', 3);
  const its = world.fake.requests.filter(({ user }) => user === 'first');
  assert.ok(!its.some((request) => looks(request) || claims(request) || request.path.endsWith(VIEW)));
});

onFake('keys() misses none that lives when the one before it is removed between two pages', async (world) => {
  const cache = world.open(unswept);
  const keys = Array.from({ length: 20 }, (_, number) => `k${String(number).padStart(2, '0')}`);
  await cache.putMany(keys.map((key) => [key, 1]));
  await listed(cache.keys());
  const pages = world.asked('/_all_docs');
  assert.ok(pages.length > 1);
  const last = `entry:cache:${keys[pages[0].body.limit - 1]}`;
  world.stored.write({ _id: last, value: '1', ...OLD });
  const held = world.fake.faults.hold({ path: `/${world.database}/_all_docs`, skip: 1 });
  const listing = listed(cache.keys());
  await held.arrived;
  assert.equal(await cache.get(last.slice('entry:cache:'.length)), null);
  await until('it is gone', () => world.stored.read(last) === undefined);
  held.release();
  assert.deepEqual(
    await listing,
    keys.filter((key) => !last.endsWith(key)),
  );
});

// What this process remembers of a document that is there no more: CouchDB takes a write over a purged revision, and
// refuses one over a deleted one.
for (const how of ['purged', 'deleted']) {
  onBoth(`a document that somebody else has ${how} is in nobody's way`, async (world) => {
    // What has expired goes when every holder of a lease has had the time to look.
    const cache = world.open({ config: { leaseTtl: '60ms' } });
    const remove = async (id) => {
      const { _rev } = await world.document(id);
      if (how === 'purged') await world.ask('POST', '/_purge', { [id]: [_rev] });
      else await world.ask('DELETE', `/${encodeURIComponent(id)}?rev=${_rev}`);
      assert.equal(await world.document(id), how === 'purged' ? 'missing' : 'deleted');
    };
    const removed = async (key) => {
      await cache.put(key, 1);
      await remove(`entry:cache:${key}`);
      return key;
    };
    assert.equal(await cache.get(await removed('get')), null);
    assert.equal(await cache.forget(await removed('forget')), false);
    assert.equal(await cache.pull(await removed('pull')), null);
    assert.equal(await cache.touch(await removed('touch'), '1h'), false);
    assert.equal(await cache.add(await removed('add'), 2), true);
    assert.equal(await cache.increment(await removed('increment')), 1);
    await cache.put(await removed('put'), 2);
    assert.equal(await cache.remember(await removed('remember'), () => 2), 2);
    const found = await cache.many(['get', 'forget', 'add', 'increment', 'put', 'remember']);
    assert.deepEqual([...found.values()], [null, null, 2, 1, 2, 2]);

    const lock = await cache.lock('l', '1h');
    await remove('lock:cache:l');
    assert.equal(await lock.extend('1h'), false);
    assert.equal(await lock.release(), false);
    assert.ok((await cache.lock('l', { ttl: '1h', maxRetries: 0 })).token > lock.token);
  });
}
