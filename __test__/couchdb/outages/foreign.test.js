'use strict';

// Documents under this cache's ids that nobody here wrote, or that are broken.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { startWorld } = require('./world.js');
require('../../support/alive.js');

const updatedAt = Date.now();

/** What cannot be a value. */
const unreadable = {
  'a value that is a number': { value: 7, updatedAt },
  'a value that is an object': { value: { some: 'object' }, updatedAt },
  'a value that is null': { value: null, lease: 7, updatedAt },
  'a value that is no JSON': { value: '{"some', updatedAt },
  'a value that is empty': { value: '', updatedAt },
  'bad base64': { value: '%%%', format: 'base64', updatedAt },
  'bad superjson': { value: '{"json', format: 'superjson', updatedAt },
  'superjson that is none': { value: '7', format: 'superjson', updatedAt },
  'a format of a later version': { value: '"value"', format: 'something-new', updatedAt },
  'a format that is no text': { value: '"value"', format: 1, updatedAt },
  'an expiry that is a text': { value: '"value"', expiresAt: 'tomorrow', updatedAt },
  'an expiry that is negative': { value: '"value"', expiresAt: -1, updatedAt },
  'an expiry that is a fraction': { value: '"value"', expiresAt: updatedAt + 60_000.5, updatedAt },
  'tags that are a list': { value: '"value"', tags: ['tag'], updatedAt },
  'no time of its writing': { value: '"value"', updatedAt: 'now' },
  'a lease that is none': { value: '"value"', lease: 'mine', updatedAt },
};

/** What holds nothing. */
const empty = {
  'nothing in it': {},
  'no value': { updatedAt },
  'members of another program': { type: 'user', name: 'Ada' },
};

const write = (world, key, document) => world.database.write({ _id: `entry:cache:${key}`, ...document });

for (const [what, document] of Object.entries(unreadable)) {
  test(`${what} is a miss that is told, and is mended`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { open, strict, events } = world;
    const keys = ['get', 'many', 'pull', 'remember', 'put', 'forget', 'add', 'increment', 'touch'];
    for (const key of keys) write(world, key, document);
    await strict.put('whole', 'whole', '1m');

    const told = (operation, key) =>
      events.some(
        (event) => event.operation === operation && event.key === key && event.error.code === 'CACHE_CORRUPT',
      );
    assert.equal(await open.get('get'), null);
    assert.ok(told('get', 'get'));
    // It is no outage: who does not fail open is not troubled either.
    assert.equal(await strict.get('get'), null);
    const many = await open.many(['many', 'whole']);
    assert.deepEqual([...many.values()], [null, 'whole']);
    assert.ok(told('many', 'many'));

    let runs = 0;
    const made = () => {
      runs += 1;
      return 'made';
    };
    assert.equal(await open.remember('remember', '1m', made), 'made');
    assert.ok(told('remember', 'remember'));
    assert.equal(await open.remember('remember', '1m', made), 'made');
    assert.equal(runs, 1, 'it was stored');
    assert.equal(await world.another().get('remember'), 'made');

    await open.put('put', 'new', '1m');
    assert.equal(await strict.get('put'), 'new');
    assert.equal(await open.pull('pull'), null);
    assert.equal(await strict.get('pull'), null);
    await open.forget('forget');
    const count = events.length;
    assert.equal(await open.get('forget'), null);
    assert.equal(events.length, count, 'what was forgotten is not there');

    // Whatever these answer: they answer, and give no value that is none.
    await strict.has('get');
    await strict.ttl('get');
    await strict.touch('touch', '1m');
    await strict.add('add', 'new', '1m').catch(({ code }) => assert.equal(code, 'CACHE_CORRUPT'));
    assert.ok([null, 'new'].includes(await strict.get('add')));
    await strict
      .increment('increment')
      .catch(({ code }) => assert.match(code, /CACHE_(NOT_A_NUMBER|CORRUPT)/));
    assert.ok([null, 1].includes(await strict.get('increment')));

    await open.flush();
    for (const key of [...keys, 'whole']) assert.equal(await strict.get(key), null);
    assert.equal(events.length, count, 'nothing is left of it');
    await world.end();
  });
}

for (const [what, document] of Object.entries(empty)) {
  test(`a document with ${what} is a miss`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { strict } = world;
    for (const key of ['get', 'remember', 'add', 'increment', 'put']) write(world, key, document);
    assert.equal(await strict.get('get'), null);
    assert.equal(await strict.has('get'), false);
    assert.equal(await strict.remember('remember', '1m', () => 'made'), 'made');
    assert.equal(await strict.get('remember'), 'made');
    assert.equal(await strict.add('add', 'new', '1m'), true);
    assert.equal(await strict.increment('increment'), 1);
    await strict.put('put', 'new', '1m');
    assert.equal(await strict.get('put'), 'new');
    await world.end();
  });
}

const broken = {
  'nothing in it': {},
  'a number for everything': { owner: 1, until: 'x', fence: 'x', epoch: 1, updatedAt: 'x' },
  'the members of an entry': { value: '"value"', expiresAt: 'tomorrow' },
};

for (const [what, document] of Object.entries(broken)) {
  test(`the document of a lock or a tag with ${what} keeps nobody from using it`, async (t) => {
    const world = await startWorld(t, { traffic: false, patient: true });
    const { database, strict } = world;
    for (const id of ['lock:cache:name', 'tag:cache:users', 'sweep:expired']) {
      database.write({ _id: id, ...document });
    }
    const lock = await strict.lock('name', { ttl: '1m', wait: 0 });
    assert.ok(lock.acquired);
    assert.equal((await world.another().lock('name', { ttl: '1m', wait: 0 })).acquired, false);
    assert.equal(await lock.release(), true);
    const users = strict.tags(['users']);
    await users.put('key', 1, '1m');
    assert.equal(await strict.get('key'), 1);
    database.write({ _id: 'tag:cache:users', ...document });
    assert.equal(await strict.get('key'), null);
    await users.flush();
    await users.put('key', 2, '1m');
    assert.equal(await world.another().get('key'), 2);
    await users.flush();
    assert.equal(await strict.get('key'), null);
    await world.end();
  });
}

test('documents of others beside the entries are left alone', async (t) => {
  const world = await startWorld(t, { traffic: false, patient: true });
  const { database, strict } = world;
  const others = ['user:1', 'cache:key', 'entry', 'entry:other:key', '_design/other', 'entry~', 'tags'];
  for (const id of others) database.write({ _id: id, views: {}, type: 'document' });
  const before = others.map((id) => database.read(id));
  await strict.put('key', 1, '1m');
  const keys = [];
  for await (const key of strict.keys()) keys.push(key);
  assert.deepEqual(keys, ['key']);
  await strict.flush();
  assert.equal(await strict.get('key'), null);
  assert.deepEqual(
    others.map((id) => database.read(id)),
    before,
  );
  await world.end();
});
