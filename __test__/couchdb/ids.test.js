'use strict';

// Any key, tag and lock name is a document of its own, whatever CouchDB and URLs make of its characters.

const assert = require('node:assert/strict');
const fc = require('fast-check');

const { fuzz } = require('../support/fuzz.js');
const { listed, onBoth } = require('./consistency/world.js');
require('../support/alive.js');

const LONG = 'x'.repeat(20_000);
const CONTROLS = String.fromCharCode(...Array(32).keys(), 127);

const ODD = [
  ...['', ' ', '\0', '\0\0', 'a\0', 'a', CONTROLS, '\ufeff', '\uffff', '\u2028'],
  ...['/', '//', 'a/b', '/a', 'a/', '+', 'a+b', 'a b', '%', '%2e', '%2E', '%2f', '%', '%%', '%00', '.', '..'],
  ...['../x', './x', '?', '?a=b', '#', '#a', '&', '=', '"', "'", '\\', '\\u0000', '{"a":1}', '[]', 'null'],
  ...['_x', '_', '_design', '_design/cache', '_all_docs', '_bulk_get', '_local/x', '_security'],
  ...['😀', '\u{10ffff}', 'é', 'e\u0301', 'ß', 'ẞ', 'ſ', 'S', 's', 'İ', 'i\u0307', 'ﬁ', 'fi'],
  ...['entry:', 'entry:x', 'entry~', `entry~${'0'.repeat(64)}`, '~', `~${'0'.repeat(64)}`, 'x', 'cache:x'],
  ...[
    'lock:x',
    'lock~x',
    'tag:x',
    'tag~x',
    'sweep',
    'cache',
    'cache:',
    '_id',
    '_rev',
    'constructor',
    '__proto__',
  ],
  ...[LONG, `${LONG}y`, `${LONG.slice(1)}y`, `y${LONG.slice(1)}`, '"'.repeat(2000), '"'.repeat(2001)],
  ...['é'.repeat(1000), 'e\u0301'.repeat(1000), '/'.repeat(2000), `${'/'.repeat(1999)}.`],
];
const NAMES = [...new Set(ODD)];

const name = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({
    unit: fc.constantFrom('/', '.', '%', '2', 'e', '+', ':', '~', '_', '\0', '"', '\\'),
    maxLength: 6,
  }),
  fc
    .tuple(fc.string({ unit: 'binary', maxLength: 3 }), fc.integer({ min: 1990, max: 2010 }))
    .map(([text, length]) => text + 'x'.repeat(length)),
);
const names = fc.uniqueArray(name, { minLength: 1, maxLength: 12 });
const prefix = fc.constantFrom('', 'cache:', 'a%/[*]"\\\0', 'entry:', '_');

const inOrder = (list) => [...list].sort();

/** Puts keys, finds each with its own value, and loses none but the one that is forgotten. */
async function roundTrip(cache, keys) {
  await cache.flush();
  await Promise.all(keys.map((key, number) => cache.put(key, number)));
  assert.deepEqual(await Promise.all(keys.map((key) => cache.get(key))), [...keys.keys()]);
  assert.deepEqual(inOrder(await listed(cache.keys())), inOrder(keys));
  const [first, ...others] = keys;
  assert.equal(await cache.forget(first), true);
  assert.deepEqual(await Promise.all(keys.map((key) => cache.has(key))), [false, ...others.map(() => true)]);
  assert.equal(await cache.forget(first), false);
  const left = [...keys.keys()].slice(1);
  assert.deepEqual([...(await cache.many(keys)).values()], [null, ...left]);
  assert.deepEqual(inOrder(await listed(cache.keys())), inOrder(others));
  // In another order: remembered revisions must be those of the right document.
  await Promise.all(keys.toReversed().map((key, number) => cache.put(key, `again ${number}`)));
  assert.equal(await cache.get(first), `again ${keys.length - 1}`);
}

for (const given of ['', 'cache:']) {
  onBoth(`the oddest keys are keys like any other, under the prefix '${given}'`, async (world) => {
    const cache = world.open({ prefix: given });
    await roundTrip(cache, NAMES);
    // What another process reads is what was stored: nothing of it is known there.
    const other = world.open({ prefix: given, config: { maxQueue: 5000 } });
    assert.deepEqual(inOrder(await listed(other.keys())), inOrder(NAMES));
    for (const [at, key] of NAMES.toReversed().entries()) assert.equal(await other.get(key), `again ${at}`);
    await other.flush();
    assert.deepEqual(await listed(cache.keys()), []);
  });
}

onBoth('any keys are apart, under any prefix', async (world) => {
  const property = fc.asyncProperty(prefix, names, async (given, keys) => {
    await roundTrip(world.open({ prefix: given }), keys);
  });
  await fuzz(property, { numRuns: 60 });
});

onBoth('caches of two prefixes are apart, unless one key begins as the other prefix does', async (world) => {
  const all = world.open({ prefix: '' });
  const some = world.open({ prefix: 'cache:' });
  await Promise.all(NAMES.map((key) => some.put(key, 'some')));
  await Promise.all(NAMES.map((key) => all.put(key, 'all')));
  const shared = NAMES.filter((key) => NAMES.includes(`cache:${key}`));
  assert.deepEqual(shared, ['', 'x']);
  for (const key of NAMES) assert.equal(await some.get(key), shared.includes(key) ? 'all' : 'some', key);
  await some.flush();
  const left = NAMES.filter((key) => !key.startsWith('cache:'));
  assert.deepEqual(inOrder(await listed(all.keys())), inOrder(left));
});

onBoth('any tags are apart, and apart from keys of their names', async (world) => {
  const property = fc.asyncProperty(prefix, names, async (given, tags) => {
    const cache = world.open({ prefix: given });
    await cache.flush();
    const fit = tags.filter((tag) => tag !== '');
    await Promise.all(fit.map((tag) => cache.tags([tag]).put(tag, 1)));
    await cache.tags(fit.slice(0, 1)).flush();
    const [, ...others] = fit;
    assert.deepEqual(inOrder(await listed(cache.keys())), inOrder(others));
    if (fit.length > 0) await cache.tags(fit).put('all', 1);
    for (const tag of fit.slice(0, 3)) {
      await cache.tags(fit).put('all', 1);
      await cache.tags([tag]).flush();
      assert.equal(await cache.get('all'), null);
    }
  });
  await fuzz(property, { numRuns: 30 });
});

onBoth('any locks are apart, and apart from keys and tags of their names', async (world) => {
  const property = fc.asyncProperty(prefix, names, async (given, locks) => {
    const cache = world.open({ prefix: given });
    await Promise.all(locks.map((key) => cache.put(key, key)));
    const held = await Promise.all(locks.map((key) => cache.lock(key, { ttl: '1m', maxRetries: 0 })));
    assert.ok(held.every(({ acquired }) => acquired));
    const again = await Promise.all(locks.map((key) => cache.lock(key, { ttl: '1m', maxRetries: 0 })));
    assert.ok(again.every(({ acquired }) => !acquired));
    assert.deepEqual([...(await cache.many(locks)).values()], locks);
    await cache.flush();
    assert.deepEqual(await Promise.all(held.map((lock) => lock.release())), Array(locks.length).fill(true));
  });
  await fuzz(property, { numRuns: 30 });
});

// A listing goes on after the last key of a page, which it names in what it asks.
onBoth('keys that are listed in pages may be of any characters', async (world) => {
  const cache = world.open();
  for (const character of ['"', '\\', '\u0001', '/', 'é', '😀']) {
    const long = character.repeat(Math.floor(1990 / Buffer.byteLength(character)));
    const keys = Array.from({ length: 30 }, (_, number) => long + number);
    await cache.putMany(keys.map((key) => [key, 1]));
    assert.deepEqual(inOrder(await listed(cache.keys())), inOrder(keys));
    await cache.flush();
    assert.deepEqual(await listed(cache.keys()), []);
  }
});

onBoth('what is no text is refused', async (world) => {
  const cache = world.open();
  for (const key of ['\ud800', 'a\udfff', '\udc00\ud800']) {
    await assert.rejects(cache.put(key, 1), { code: 'CACHE_INVALID_KEY' });
    await assert.rejects(cache.get(key), { code: 'CACHE_INVALID_KEY' });
  }
});
