'use strict';

// What the driver leaves behind before it is first used: the database, how many revisions are kept in it, and the
// view of the sweep. Whoever comes second changes nothing of it.

const assert = require('node:assert/strict');

const { onBoth, onFake } = require('./consistency/world.js');
require('../support/alive.js');

/** As the README shows it. */
const DESIGN = {
  language: 'javascript',
  views: {
    expired: {
      map: 'function (doc) {\n  if (doc.expiresAt) {\n    emit(doc.expiresAt, doc._rev);\n  }\n}',
    },
  },
};

const DEFAULT_REVS_LIMIT = 5;

/** The design document, without what names its revision, and that. */
async function design(world) {
  const { _id, _rev, ...body } = (await world.ask('GET', '/_design/cache')).body;
  assert.equal(_id, '_design/cache');
  return { rev: _rev, body };
}

const revsLimit = async (world) => (await world.ask('GET', '/_revs_limit')).body;

/** Stores of their own: those of the same configuration would be one. */
function openMany(world, count) {
  return Array.from({ length: count }, (_, number) => world.open({ config: { maxQueue: 1000 + number } }));
}

async function isUsable(cache, key) {
  await cache.put(key, { from: key });
  assert.deepEqual(await cache.get(key), { from: key });
}

onBoth('a database that is missing is made, with the design document and few revisions', async (world) => {
  await isUsable(world.open(), 'k');
  assert.equal((await world.ask('GET', '')).status, 200);
  const { rev, body } = await design(world);
  assert.deepEqual(body, DESIGN);
  assert.match(rev, /^1-/);
  assert.equal(await revsLimit(world), DEFAULT_REVS_LIMIT);
});

onBoth('revsLimit is how many revisions a database that is made remembers', async (world) => {
  await world.open({ config: { revsLimit: 7 } }).ready();
  assert.equal(await revsLimit(world), 7);
});

onBoth('a database that exists is taken as it is', async (world) => {
  await world.ask('PUT', '');
  await world.ask('PUT', '/_revs_limit', 3);
  const rev = await world.write('theirs', { of: 'somebody else' });
  await isUsable(world.open({ config: { revsLimit: 7 } }), 'k');
  assert.equal(await revsLimit(world), 3);
  assert.equal((await world.document('theirs'))._rev, rev);
  assert.deepEqual((await design(world)).body, DESIGN);
});

onFake('a database that exists is not put again', async (world) => {
  await world.ask('PUT', '');
  const from = world.fake.requests.length;
  await world.open().ready();
  assert.deepEqual(
    world.asked('', from).map(({ method }) => method),
    ['GET', 'GET'],
  );
  assert.deepEqual(world.asked('/_revs_limit', from), []);
});

onFake('of twenty caches at once one makes the database, and all can use it', async (world) => {
  const path = `/${world.database}`;
  // All of them have found that it is missing before the first can make it.
  const held = world.fake.faults.hold({ method: 'GET', path, times: 20 });
  const caches = openMany(world, 20);
  const ready = Promise.all(caches.map((cache, number) => isUsable(cache, `k${number}`)));
  await held.seen(20);
  held.release();
  await ready;
  const statuses = (at) =>
    world
      .asked(at)
      .filter(({ method }) => method === 'PUT')
      .map(({ status }) => status)
      .sort((a, b) => a - b);
  assert.deepEqual(statuses(''), [201, ...Array(19).fill(412)]);
  // Said by all who found it missing, for none may be told that it was the first.
  assert.deepEqual(new Set(statuses('/_revs_limit')), new Set([200]));
  assert.deepEqual(statuses('/_design/cache'), [201, ...Array(19).fill(409)]);
  assert.match((await design(world)).rev, /^1-/);
});

/** A cache finds no database, and before it can make it another has. */
async function overtaken(world) {
  const held = world.fake.faults.hold({ method: 'GET', path: `/${world.database}` }, { applied: true });
  const cache = world.open();
  const used = isUsable(cache, 'k');
  await held.arrived;
  world.fake.createDatabase(world.database);
  return async () => {
    held.release();
    await used;
  };
}

// CouchDB 3.5.0 answers so to some of twenty clients that make one database at once.
onFake('a server that says of the other only that it was in the way can be used', async (world) => {
  const goOn = await overtaken(world);
  const put = { method: 'PUT', path: `/${world.database}`, times: 1 };
  const conflict = world.fake.faults.answer(put, 500, { error: 'error', reason: 'conflict' });
  await goOn();
  assert.equal(conflict.hits, 1);
  assert.deepEqual((await design(world)).body, DESIGN);
});

// And now and then it tells all of them that the database was there, so that nobody knows that it is new.
onFake(
  'few revisions are kept also where the server told everybody that another was faster',
  async (world) => {
    const goOn = await overtaken(world);
    await goOn();
    assert.equal(await revsLimit(world), DEFAULT_REVS_LIMIT);
  },
);

onBoth('twenty caches that are opened at once can all be used', async (world) => {
  const caches = openMany(world, 20);
  await Promise.all(caches.map((cache, number) => isUsable(cache, `k${number}`)));
  for (const [number] of caches.entries()) {
    assert.deepEqual(await caches[0].get(`k${number}`), { from: `k${number}` });
  }
  assert.equal(await revsLimit(world), DEFAULT_REVS_LIMIT);
  assert.match((await design(world)).rev, /^1-/);
});

onBoth('several processes that begin at once can all use it', async (world) => {
  const peers = await Promise.all(Array.from({ length: 4 }, () => world.openPeer()));
  await Promise.all(peers.map((peer, number) => peer.call('put', `k${number}`, number)));
  for (const peer of peers) {
    for (const [number] of peers.entries()) assert.equal(await peer.call('get', `k${number}`), number);
  }
  assert.equal(await revsLimit(world), DEFAULT_REVS_LIMIT);
  assert.match((await design(world)).rev, /^1-/);
});

onBoth('the design document is written once, however often a cache is opened', async (world) => {
  for (let opening = 0; opening < 4; opening += 1) {
    const cache = world.open({ config: { maxQueue: 1000 + opening } });
    await isUsable(cache, `k${opening}`);
    await cache.close();
  }
  const { rev, body } = await design(world);
  assert.match(rev, /^1-/);
  assert.deepEqual(body, DESIGN);
});

onBoth('a design document of somebody else stays theirs', async (world) => {
  await world.ask('PUT', '');
  const theirs = { views: { ...DESIGN.views, all: { map: 'function (doc) { emit(doc._id); }' } } };
  const { rev } = (await world.ask('PUT', '/_design/cache', theirs)).body;
  await isUsable(world.open(), 'k');
  assert.deepEqual(await design(world), { rev, body: theirs });
});

onBoth('the design document is there without a sweep too: others of the fleet may sweep', async (world) => {
  await isUsable(world.open({ config: { sweep: false } }), 'k');
  assert.deepEqual((await design(world)).body, DESIGN);
});

onBoth('a name with a slash and a plus is a database', async (world) => {
  const database = `${world.database}/a+b$(c)`;
  const path = encodeURIComponent(database);
  world.database = path;
  await isUsable(world.open({ config: { database } }), 'k');
  assert.equal((await world.ask('GET', '')).body.db_name, database);
  assert.deepEqual((await design(world)).body, DESIGN);
});
