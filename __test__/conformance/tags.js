'use strict';

const assert = require('node:assert/strict');
const { next } = require('../support/events.js');

function suite({ check, lives }) {
  check('flushing a tag makes every entry that has it a miss, and no other', async (cache) => {
    await cache.tags(['users']).put('user:1', 1);
    await cache.tags(['users', 'admins']).put('user:2', 2);
    await cache.tags(['posts']).put('post:1', 3);
    await cache.put('plain', 4);
    assert.equal(await cache.tags(['users']).flush(), undefined);
    assert.equal(await cache.get('user:1'), null);
    assert.equal(await cache.get('user:2'), null);
    assert.equal(await cache.get('post:1'), 3);
    assert.equal(await cache.get('plain'), 4);
  });

  check('a flushed entry is missing for every operation', async (cache) => {
    const keys = ['has', 'pull', 'forget', 'touch', 'ttl', 'many', 'add', 'increment', 'remember', 'get'];
    for (const key of keys) await cache.tags(['t']).put(key, 41);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('get'), null);
    assert.equal(await cache.tags(['t']).get('get'), null);
    assert.equal(await cache.has('has'), false);
    assert.equal(await cache.pull('pull'), null);
    assert.equal(await cache.forget('forget'), false);
    assert.equal(await cache.touch('touch', '1h'), false);
    assert.equal(await cache.get('touch'), null);
    assert.equal(await cache.ttl('ttl'), null);
    assert.equal((await cache.many(['many'])).get('many'), null);
    for await (const key of cache.keys()) assert.fail(`${key} is listed`);
    assert.equal(await cache.forgetMany(keys), 0);
    assert.equal(await cache.add('add', 'new'), true);
    assert.equal(await cache.get('add'), 'new');
    assert.equal(await cache.increment('increment'), 1);
    assert.equal(await cache.remember('remember', () => 'new'), 'new');
  });

  check("any one of an entry's tags removes it", async (cache) => {
    for (const tag of ['a', 'b', 'c']) {
      await cache.tags(['a', 'b', 'c']).put('k', 1);
      await cache.tags([tag]).flush();
      assert.equal(await cache.get('k'), null, tag);
    }
  });

  check('flushing several tags removes what has at least one of them', async (cache) => {
    await cache.tags(['a']).put('a', 1);
    await cache.tags(['b']).put('b', 2);
    await cache.tags(['a', 'b']).put('ab', 3);
    await cache.tags(['c']).put('c', 4);
    await cache.tags(['a', 'b']).flush();
    assert.equal(await cache.get('a'), null);
    assert.equal(await cache.get('b'), null);
    assert.equal(await cache.get('ab'), null);
    assert.equal(await cache.get('c'), 4);
  });

  check('what is put after a flush is valid, however often the tag was flushed', async (cache) => {
    for (let round = 0; round < 5; round += 1) {
      await cache.tags(['t']).flush();
      await cache.tags(['t']).put('k', round);
      assert.equal(await cache.get('k'), round);
    }
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('flushing a tag that nothing has does nothing', async (cache) => {
    await cache.put('k', 1);
    await cache.tags(['unknown']).flush();
    assert.equal(await cache.get('k'), 1);
  });

  check('an entry that is put again without its tag is not flushed by it', async (cache) => {
    await cache.tags(['old']).put('k', 1);
    await cache.put('k', 2);
    await cache.tags(['old']).flush();
    assert.equal(await cache.get('k'), 2);
    await cache.tags(['old']).put('k', 3);
    await cache.tags(['new']).put('k', 4);
    await cache.tags(['old']).flush();
    assert.equal(await cache.get('k'), 4);
    await cache.tags(['new']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('flushing twice in one go is flushing', async (cache) => {
    await cache.tags(['t']).put('k', 1);
    await Promise.all([cache.tags(['t']).flush(), cache.tags(['t']).flush()]);
    assert.equal(await cache.get('k'), null);
    await cache.tags(['t']).put('k', 2);
    assert.equal(await cache.get('k'), 2);
  });

  check('every way of writing takes the tags', async (cache) => {
    const tagged = cache.tags(['t']);
    await tagged.put('put', 1);
    assert.equal(await tagged.add('add', 2), true);
    await tagged.putMany({ many1: 3, many2: 4 });
    assert.equal(await tagged.remember('remember', () => 5), 5);
    assert.equal(await tagged.remember('ttl', '1m', () => 6), 6);
    assert.equal(await tagged.remember('options', { ttl: '1m' }, () => 7), 7);
    assert.equal(await tagged.rememberForever('forever', () => 8), 8);
    await cache.remember('declared', { tags: ['t'] }, () => 9);
    await cache.remember('late', (context) => {
      context.setTags(['t']);
      return 10;
    });
    const keys = [
      'put',
      'add',
      'many1',
      'many2',
      'remember',
      'ttl',
      'options',
      'forever',
      'declared',
      'late',
    ];
    assert.deepEqual([...(await cache.many(keys)).values()], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await tagged.flush();
    assert.deepEqual([...(await cache.many(keys)).values()], Array(10).fill(null));
  });

  check('an add over a flushed entry stores, with the new tags', async (cache) => {
    await cache.tags(['a']).put('k', 1);
    await cache.tags(['a']).flush();
    assert.equal(await cache.tags(['b']).add('k', 2), true);
    assert.equal(await cache.get('k'), 2);
    await cache.tags(['a']).flush();
    assert.equal(await cache.get('k'), 2);
    await cache.tags(['b']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('a write through tags says what it stores and for how long', async (cache) => {
    const tagged = cache.tags(['t']);
    assert.equal(await tagged.put('k', 'v', '5m'), undefined);
    assert.ok(lives(await cache.ttl('k'), 300));
    assert.equal(await tagged.add('k', 'w'), false);
    assert.equal(await tagged.get('k'), 'v');
    assert.equal(await tagged.get('missing'), null);
    assert.equal(await tagged.putMany(new Map([['m', 1]]), '5m'), undefined);
    assert.ok(lives(await cache.ttl('m'), 300));
  });

  check('tags may be given as one string', async (cache) => {
    assert.deepEqual(cache.tags('t').names, ['t']);
    await cache.tags('t').put('k', 1);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('tags are read through any tags, or none', async (cache) => {
    await cache.tags(['a']).put('k', 1);
    assert.equal(await cache.get('k'), 1);
    assert.equal(await cache.tags(['b']).get('k'), 1);
  });

  check('tags with characters that mean something elsewhere are tags', async (cache) => {
    const tags = ['*', 'a:b', 'a', 'a b', '[x]', '__proto__', 'constructor', 'é', '漢', '😀', '\0', '/', 'A'];
    for (const tag of tags) await cache.tags([tag]).put(`key of ${tag}`, tag);
    for (const [i, tag] of tags.entries()) {
      await cache.tags([tag]).flush();
      for (const [j, other] of tags.entries()) {
        const expected = j > i ? other : null;
        assert.equal(await cache.get(`key of ${other}`), expected, JSON.stringify([tag, other]));
      }
    }
  });

  check('an entry may have many tags', async (cache) => {
    const tags = Array.from({ length: 200 }, (_, i) => `tag ${i}`);
    await cache.tags(tags).put('k', 1);
    assert.equal(await cache.get('k'), 1);
    await cache.tags(['tag 199']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('a tag given twice is one tag', async (cache) => {
    await cache.tags(['t', 't']).put('k', 1);
    assert.equal(await cache.get('k'), 1);
    await cache.tags(['t', 't']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('many entries are flushed by one flush', async (cache) => {
    const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`);
    await cache.tags(['all']).putMany(keys.map((key) => [key, key]));
    await cache.tags(['all']).flush();
    assert.ok([...(await cache.many(keys)).values()].every((value) => value === null));
  });

  check('changing the array of tags afterwards changes nothing', async (cache) => {
    const names = ['t'];
    const tagged = cache.tags(names);
    names[0] = 'other';
    await tagged.put('k', 1);
    await cache.tags(['other']).flush();
    assert.equal(await cache.get('k'), 1);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('touch and counters keep the tags', async (cache) => {
    await cache.tags(['t']).put('touched', 1);
    await cache.touch('touched', '2h');
    await cache.tags(['t']).put('counter', 1);
    await cache.increment('counter');
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('touched'), null);
    assert.equal(await cache.get('counter'), null);
    assert.equal(await cache.increment('counter'), 1);
  });

  check('flush of the whole cache does not spoil the tags', async (cache) => {
    await cache.tags(['t']).put('k', 1);
    await cache.flush();
    await cache.tags(['t']).put('k', 2);
    assert.equal(await cache.get('k'), 2);
    await cache.tags(['t']).flush();
    assert.equal(await cache.get('k'), null);
  });

  check('flushing tags is an invalidate event with their names', async (cache) => {
    const seen = next(cache, 'invalidate');
    await cache.tags(['a', 'b']).flush();
    const { tags, durationMs } = await seen;
    assert.deepEqual([...tags], ['a', 'b']);
    assert.equal(typeof durationMs, 'number');
  });
}

module.exports = { title: 'tags', suite };
