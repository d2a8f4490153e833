'use strict';

// What is stored, as docs/couchdb.md shows it: other programs read it, and write it. The documents of the plugin that
// this driver replaces may be in the same database.

const assert = require('node:assert/strict');

const { gate } = require('../support/deferred.js');
const { until } = require('../support/wait.js');
const { listed, onBoth } = require('./consistency/world.js');
require('../support/alive.js');

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const EPOCH = /^[cf]\d{16}-[0-9a-f]{8}$/;
const PLAIN = ['_id', '_rev', 'updatedAt', 'value', 'write'];

/** The document of a key, whose members are these and the plain ones. */
async function stored(world, key, ...more) {
  const document = await world.document(`entry:cache:${key}`);
  // Where it replaces another, it names the writes before.
  const members = Object.keys(document).filter((name) => name !== 'recent' || more.includes('recent'));
  assert.deepEqual(members.sort(), [...PLAIN, ...more].sort());
  isNow(document.updatedAt);
  return document;
}

/** A time is in milliseconds since the epoch of Unix: no other unit comes near. */
function isNow(time) {
  assert.ok(Number.isInteger(time) && Math.abs(time - Date.now()) < 5 * MINUTE, `${time}`);
}

onBoth('a JSON value is its text, with the time when it goes', async (world) => {
  const cache = world.open();
  const value = { name: 'Ada', _private: 1e300, list: [1, null], 'né\0': '"' };
  await cache.put('k', value, '90s');
  const document = await stored(world, 'k', 'expiresAt');
  assert.equal(document.value, JSON.stringify(value));
  assert.equal(document.expiresAt, document.updatedAt + 90 * SECOND);
  await cache.put('k', 'text', Infinity);
  const second = await stored(world, 'k');
  assert.equal(second.value, '"text"');
  assert.match(second._rev, /^2-/);
  assert.notEqual(second.write, document.write);
});

onBoth('what JSON does not hold is in the format of superjson', async (world) => {
  await world.open().put('k', { at: new Date(0), big: 1n });
  const document = await stored(world, 'k', 'expiresAt', 'format');
  assert.equal(document.format, 'superjson');
  assert.deepEqual(JSON.parse(document.value), {
    json: { at: '1970-01-01T00:00:00.000Z', big: '1' },
    meta: { values: { at: ['Date'], big: ['bigint'] }, v: 1 },
  });
});

onBoth('bytes are base64', async (world) => {
  await world.open().put('k', Buffer.from([0, 255, 62, 63]));
  const document = await stored(world, 'k', 'expiresAt', 'format');
  assert.deepEqual([document.format, document.value], ['base64', 'AP8+Pw==']);
});

onBoth('a tagged value has the epochs of its tags', async (world) => {
  const cache = world.open();
  await cache.tags(['t', 'ü']).put('k', 1, '2h');
  const { tags, expiresAt } = await stored(world, 'k', 'expiresAt', 'tags');
  assert.deepEqual(Object.keys(tags), ['cache:t', 'cache:ü']);
  for (const [tag, epoch] of Object.entries(tags)) {
    const { _id, _rev, write, recent: _recent, ...document } = await world.document(`tag:${tag}`);
    assert.deepEqual(Object.keys(document).sort(), ['epoch', 'expiresAt', 'updatedAt']);
    assert.equal(document.epoch, epoch);
    assert.match(epoch, EPOCH);
    assert.ok(epoch.startsWith('c'));
    // It outlives the value.
    assert.ok(document.expiresAt >= expiresAt);
  }
  await cache.tags(['t']).flush();
  const { epoch } = await world.document('tag:cache:t');
  assert.match(epoch, EPOCH);
  assert.ok(epoch.startsWith('f'));
});

onBoth('a tag lives as long as what has it, also when that is given more time', async (world) => {
  const cache = world.open();
  const lives = {
    put: () => cache.tags(['put']).put('put', 1, '5h'),
    'for ever': () => cache.tags(['for ever']).put('for ever', 1, Infinity),
    grace: () => cache.remember('grace', { ttl: '1m', grace: '20h', tags: ['grace'] }, () => 1),
    touch: async () => {
      await cache.tags(['touch']).put('touch', 1, '1m');
      await cache.touch('touch', '30h');
    },
    flushed: async () => {
      await cache.tags(['flushed']).put('old', 1, '1m');
      await cache.tags(['flushed']).flush();
      await cache.tags(['flushed']).put('flushed', 1, '9h');
    },
  };
  for (const [name, make] of Object.entries(lives)) {
    await make();
    const { expiresAt = Infinity } = await world.document(`entry:cache:${name}`);
    const tag = await world.document(`tag:cache:${name}`);
    assert.ok((tag.expiresAt ?? Infinity) >= expiresAt, name);
    assert.equal(await cache.get(name), 1);
  }
});

onBoth('a value with a grace is fresh until the grace begins', async (world) => {
  const cache = world.open();
  await cache.remember('k', { ttl: '1m', grace: '1h' }, () => 'v');
  const { value, updatedAt, freshUntil, expiresAt } = await stored(world, 'k', 'expiresAt', 'freshUntil');
  assert.equal(value, '"v"');
  assert.equal(freshUntil, updatedAt + MINUTE);
  assert.equal(expiresAt, freshUntil + HOUR);
});

onBoth('a counter is a value that is a number, and knows the writes before', async (world) => {
  const cache = world.open();
  await cache.increment('k', 2.5, '1h');
  const first = await stored(world, 'k', 'expiresAt');
  assert.equal(first.value, '2.5');
  assert.equal(first.expiresAt, first.updatedAt + HOUR);
  const writes = [first.write];
  for (let step = 0; step < 10; step += 1) {
    await cache.increment('k');
    const { write, recent, expiresAt } = await stored(world, 'k', 'expiresAt', 'recent');
    assert.equal(expiresAt, first.expiresAt);
    assert.deepEqual(recent ?? [], writes.slice(-8).reverse());
    writes.push(write);
  }
  assert.equal((await world.document('entry:cache:k')).value, '12.5');
});

onBoth('while a factory runs its lease stands under the key', async (world) => {
  const cache = world.open({ config: { leaseTtl: '1h' } });
  const factory = gate();
  const call = cache.tags(['t']).remember('k', factory);
  await factory.started;
  const { _id, _rev, write, recent: _recent, ...document } = await world.document('entry:cache:k');
  const { lease, updatedAt, expiresAt } = document;
  assert.deepEqual(document, { lease, updatedAt, expiresAt });
  assert.deepEqual(Object.keys(lease).sort(), ['tags', 'token', 'until']);
  assert.equal(typeof lease.token, 'string');
  assert.equal(lease.until, expiresAt);
  assert.equal(expiresAt, updatedAt + HOUR);
  assert.deepEqual(lease.tags, { 'cache:t': (await world.document('tag:cache:t')).epoch });
  factory.resolve('v');
  await call;
  assert.equal((await stored(world, 'k', 'expiresAt', 'tags')).value, '"v"');
});

onBoth('a stale value stays beside the lease of who replaces it', async (world) => {
  const cache = world.open({ config: { leaseTtl: '1m' } });
  const stale = { value: '"old"', updatedAt: 1, freshUntil: 2, expiresAt: Date.now() + HOUR };
  await cache.ready();
  await world.write('entry:cache:k', stale);
  const factory = gate();
  const call = cache.remember('k', { ttl: '1h', grace: '1h' }, factory);
  await factory.started;
  const { _id, _rev, write, recent: _recent, lease, ...document } = await world.document('entry:cache:k');
  assert.deepEqual(document, stale);
  assert.ok(lease.until > Date.now());
  factory.resolve('new');
  await call;
  await until('it is replaced', async () => (await world.document('entry:cache:k')).value === '"new"');
  assert.equal((await world.document('entry:cache:k')).lease, undefined);
});

onBoth('how a run failed stands there for two seconds', async (world) => {
  const cache = world.open();
  const factory = gate();
  const call = cache.remember('k', factory);
  await factory.started;
  const { lease } = await world.document('entry:cache:k');
  factory.reject(new Error('no such user'));
  await assert.rejects(call, /no such user/);
  const found = await until('it is told', async () => {
    const document = await world.document('entry:cache:k');
    return document.failed && document;
  });
  const { _id, _rev, write, recent: _recent, failed, updatedAt, expiresAt, ...rest } = found;
  assert.deepEqual(rest, {});
  assert.equal(failed.token, lease.token);
  assert.match(failed.error, /no such user/);
  assert.equal(expiresAt, updatedAt + 2 * SECOND);
});

onBoth('what was removed is said to be gone for ten minutes', async (world) => {
  const cache = world.open();
  await cache.put('k', 1);
  await cache.forget('k');
  const {
    _id,
    _rev,
    write,
    recent: _recent,
    updatedAt,
    expiresAt,
    ...rest
  } = await world.document('entry:cache:k');
  assert.deepEqual(rest, {});
  assert.match(_rev, /^2-/);
  assert.equal(expiresAt, updatedAt + 10 * MINUTE);
  // What was never there leaves nothing.
  await cache.forget('none');
  assert.equal(await world.document('entry:cache:none'), 'missing');
});

onBoth(
  'a lock has an owner, a fencing number and a time, and its document stays for the next',
  async (world) => {
    const cache = world.open();
    const lock = await cache.lock('l', '1h');
    const { _id, _rev, write, recent: _recent, ...held } = await world.document('lock:cache:l');
    const { owner, updatedAt, until: end } = held;
    assert.deepEqual(held, { owner, fence: lock.token, until: end, updatedAt, expiresAt: end + DAY });
    assert.equal(typeof owner, 'string');
    assert.equal(end, updatedAt + HOUR);
    await lock.release();
    const free = await world.document('lock:cache:l');
    assert.deepEqual([free.owner, free.fence], [undefined, lock.token]);
    assert.equal(free.until, free.updatedAt);
  },
);

onBoth('a long key, tag or lock is hashed, and its name stands in the document', async (world) => {
  const cache = world.open();
  const long = 'x'.repeat(3000);
  await cache.tags([long]).put(long, 1);
  await (await cache.lock(long, '1h')).release();
  const ids = (await world.ids()).filter((id) => id !== 'sweep:expired');
  assert.deepEqual(
    ids.map((id) => id.replace(/[0-9a-f]{64}$/, '…')),
    ['entry~…', 'lock~…', 'tag~…'],
  );
  for (const id of ids) assert.equal((await world.document(id)).key, `cache:${long}`);
});

onBoth('what another program writes in these forms is read', async (world) => {
  const cache = world.open();
  await cache.ready();
  const [updatedAt, expiresAt] = [Date.now(), Date.now() + HOUR];
  await world.write('entry:cache:json', { value: '{"a":[1]}', expiresAt, updatedAt });
  await world.write('entry:cache:for ever', { value: 'null' });
  await world.write('entry:cache:superjson', {
    value: '{"json":"1970-01-01T00:00:00.000Z","meta":{"values":["Date"],"v":1}}',
    format: 'superjson',
    expiresAt,
  });
  await world.write('entry:cache:bytes', { value: 'AP8=', format: 'base64', updatedAt });
  await world.write('entry:cache:counter', { value: '41', updatedAt });
  await world.write('entry:cache:more', { value: '1', updatedAt, of: ['another', 'program'] });
  assert.deepEqual(await cache.get('json'), { a: [1] });
  const ttl = await cache.ttl('json');
  assert.ok(ttl > 3500 && ttl <= 3600, `${ttl}`);
  assert.equal(await cache.has('for ever'), true);
  assert.equal(await cache.ttl('for ever'), Infinity);
  assert.deepEqual(await cache.get('superjson'), new Date(0));
  assert.deepEqual(await cache.get('bytes'), Buffer.from([0, 255]));
  assert.equal(await cache.increment('counter'), 42);
  assert.equal(await cache.get('more'), 1);
  // A change by them is seen, and so is a removal.
  const { _rev } = await world.document('entry:cache:json');
  await world.write('entry:cache:json', { _rev, value: '"changed"', updatedAt });
  assert.equal(await cache.get('json'), 'changed');
  const second = (await world.document('entry:cache:json'))._rev;
  await world.ask('DELETE', `/entry%3Acache%3Ajson?rev=${second}`);
  assert.equal(await cache.get('json'), null);
});

onBoth('a write or a removal by another program while a factory runs wins', async (world) => {
  const cache = world.open();
  const write = (_rev, value) =>
    world.write('entry:cache:k', { _rev, updatedAt: Date.now(), ...(value ? { value } : {}) });
  const steps = {
    write: { make: (rev) => write(rev, '"theirs"'), left: 'theirs' },
    removal: { make: (rev) => write(rev), left: null },
    deletion: { make: (rev) => world.ask('DELETE', `/entry%3Acache%3Ak?rev=${rev}`), left: null },
  };
  for (const [what, { make, left }] of Object.entries(steps)) {
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    await make((await world.document('entry:cache:k'))._rev);
    factory.resolve('old');
    assert.equal(await call, 'old');
    assert.equal(await cache.get('k'), left, what);
    await cache.forget('k');
  }
});

onBoth('the documents of the plugin are not ours: nothing reads, lists or removes them', async (world) => {
  await world.ask('PUT', '');
  const theirs = {
    'user:1': { value: { name: 'Ada' }, expiresAt: Date.now() + HOUR, updatedAt: Date.now() },
    'user:2': { value: 'text', updatedAt: Date.now() },
    'cache:user:3': { value: 3, updatedAt: Date.now() },
    'session/1': { value: null, updatedAt: Date.now() },
    sweeper: { value: [], updatedAt: Date.now() },
  };
  for (const [id, body] of Object.entries(theirs)) await world.write(id, body);
  for (const prefix of ['', 'cache:', 'user:', 'u']) {
    const cache = world.open({ prefix });
    for (const key of ['user:1', 'user:2', 'user:3', '1', 'ser:1', 'session/1']) {
      assert.equal(await cache.get(key), null);
      assert.equal(await cache.has(key), false);
      assert.equal(await cache.forget(key), false);
    }
    assert.deepEqual(await listed(cache.keys()), []);
    await cache.put('user:1', 'ours');
    assert.deepEqual(await listed(cache.keys()), ['user:1']);
    await cache.flush();
    assert.deepEqual(await listed(cache.keys()), []);
  }
  for (const [id, body] of Object.entries(theirs)) {
    const { _id, _rev, ...found } = await world.document(id);
    assert.deepEqual(found, body);
    assert.match(_rev, /^1-/);
  }
});

// It is a word like any other to the plugin, whose ids are its keys.
onBoth('a document of the plugin that is called as ours stays theirs', async (world) => {
  await world.ask('PUT', '');
  const theirs = { value: { of: 'the plugin' }, updatedAt: 1 };
  await world.write('sweep', theirs);
  await world.write('user:1', { value: {}, expiresAt: 5, updatedAt: 1 });
  await world.open({ config: { sweep: '1s' } }).ready();
  await until('there was a sweep', async () => (await world.document('user:1')) === 'missing');
  const { _id, _rev, ...found } = await world.document('sweep');
  assert.deepEqual(found, theirs);
});

onBoth('the plugin finds what has expired of both by the view that both have', async (world) => {
  const cache = world.open({ config: { sweep: false } });
  await cache.put('k', 1, '1h');
  await world.write('user:1', { value: {}, expiresAt: 5, updatedAt: 1 });
  const rows = async (endkey) => {
    const path = `/_design/cache/_view/expired?endkey=${endkey}`;
    return (await world.ask('GET', path)).body.rows;
  };
  const { _rev } = await world.document('user:1');
  assert.deepEqual(await rows(Date.now()), [{ id: 'user:1', key: 5, value: _rev }]);
  const ours = await world.document('entry:cache:k');
  assert.deepEqual((await rows(Date.now() + DAY)).slice(1), [
    { id: 'entry:cache:k', key: ours.expiresAt, value: ours._rev },
  ]);
});
