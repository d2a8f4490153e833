'use strict';

// Text that compiled functions write of values: what the long way writes, or nothing.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const fc = require('fast-check');
const { run } = require('./support/child.js');
const { fuzz } = require('./support/fuzz.js');
require('./support/alive.js');

/** More than are stored before a shape is compiled, at two depths. */
const MANY = 24;

const FILES = ['../lib/codec.js', '../lib/writers.js'].map((file) => require.resolve(file));

/** The modules without what other tests have made them learn. */
function forgetful() {
  for (const file of FILES) delete require.cache[file];
  return { encode: require('../lib/codec.js').encode, writers: require('../lib/writers.js') };
}

/** What the long way makes of a value: nothing was learnt. */
const long = (value) => forgetful().encode(value);

/** Encodes values as they come, many times; each time they must be what the long way makes of them. */
function encodesAlike(...values) {
  const expected = values.map(long);
  const { encode, writers } = forgetful();
  for (let times = 0; times < MANY; times++) {
    values.forEach((value, at) => assert.deepStrictEqual(encode(value), expected[at]));
  }
  return writers;
}

const names = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toJSON', '0', '', '"];x', '`', '\u2028', '\ud800'),
  fc.string(),
);
const { value: anything } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(
      null,
      undefined,
      NaN,
      -0,
      Infinity,
      '"',
      '\\',
      '\u0007',
      '\ud83d\ude00',
      '\udc00',
      'x'.repeat(60),
    ),
    fc.boolean(),
    fc.double(),
    fc.integer(),
    fc.string({ unit: 'binary' }),
  ),
  record: fc.dictionary(names, tie('value'), { maxKeys: 5 }),
  rows: fc
    .tuple(tie('value'), fc.nat(4))
    .map(([row, count]) => Array.from({ length: count }, () => structuredClone(row))),
  value: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    tie('record'),
    tie('rows'),
    fc.array(tie('value'), { maxLength: 7 }),
  ),
}));

test('any values are written as the long way writes them', async () => {
  const property = fc.property(anything, anything, (one, other) => {
    encodesAlike(one, other, { one, other }, [one, { other }]);
  });
  await fuzz(property, { numRuns: 150 });
});

test('a shape that came some times is written by a function', () => {
  const value = (id) => ({
    id,
    name: 'Ada',
    on: true,
    none: null,
    list: ['a', 2, [false]],
    deep: { at: { x: -1.5 } },
  });
  const writers = encodesAlike(value(1), value(2));
  assert.equal(writers.write(value(3)), JSON.stringify(value(3)));
  assert.equal(writers.write({}), undefined, 'another shape');
  const rows = Array.from({ length: 5 }, (_, at) => ({ at, empty: {} }));
  assert.equal(encodesAlike(rows).write(rows), JSON.stringify(rows));
  const numbers = Array.from({ length: 500 }, (_, at) => at / 7);
  assert.equal(encodesAlike({ numbers }).write({ numbers }), JSON.stringify({ numbers }));
});

test('members may be of other types than before', () => {
  const { encode, writers } = forgetful();
  for (let at = 0; at < MANY; at++) encode({ id: at, part: { at } });
  assert.notEqual(writers.write({ id: 1, part: { at: 2 } }), undefined);
  const parts = [
    'text',
    1e21,
    true,
    null,
    [1],
    { at: 'x' },
    { other: 1 },
    { at: 1, more: 2 },
    undefined,
    NaN,
    -0,
  ];
  for (const part of [
    ...parts,
    10n,
    new Date(0),
    new Map([[1, 2]]),
    Buffer.from('x'),
    new URL('http://a/'),
    Array(1),
    () => 1,
  ]) {
    const value = { id: 1, part };
    assert.deepStrictEqual(encode(value), long(value));
  }
});

test('what JSON does not hold is not written, though its shape is known', () => {
  const { encode, writers } = forgetful();
  const make = () => ({ one: { x: 1 }, other: { x: 1 } });
  for (let at = 0; at < MANY; at++) encode(make());
  assert.notEqual(writers.write(make()), undefined);
  const shared = make();
  shared.other = shared.one;
  assert.equal(typeof encode(shared), 'object', 'one object in two places');
  const circular = make();
  circular.one = circular;
  assert.equal(typeof encode(circular), 'object', 'one object in itself');
  const many = Array.from({ length: 40 }, make);
  assert.equal(encode(many), JSON.stringify(many));
  for (let at = 0; at < MANY; at++) encode([make()]);
  const last = Array.from({ length: 20 }, make);
  last[19] = last[18];
  assert.equal(typeof encode(last), 'object', 'one object twice, among more than are compared');
  assert.equal(typeof encode(Object.assign(new Map([[1, 2]]), make())), 'object', 'a Map with names');
  assert.throws(() => encode(Object.assign(Promise.resolve(), make())), /was an await forgotten/);
  for (const odd of [NaN, undefined, new Map(), 1n]) {
    const long1 = { list: [...Array(50).keys()] };
    for (let at = 0; at < MANY; at++) encode(long1);
    long1.list[40] = odd;
    assert.equal(typeof encode(long1), 'object', `${odd} in a long list`);
  }
  for (let at = 0; at < MANY; at++) encode({ a: 1, b: 2, c: 3 });
  assert.equal(encode({ a: 1, c: 3, b: 2 }), '{"a":1,"c":3,"b":2}', 'another order');
  class Point {
    one = { x: 1 };
    other = { x: 1 };
  }
  assert.deepStrictEqual(encode(new Point()), long(new Point()));
  assert.equal(encode(Object.assign(make(), { toJSON: () => 'own' })), '"own"');
  const hidden = Object.defineProperty(make(), 'toJSON', { value: () => 'hidden' });
  assert.equal(encode(hidden), '"hidden"');
  const inherits = Object.assign(Object.create({ one: 1 }), make());
  assert.deepStrictEqual(encode(inherits), long(inherits));
});

test('a toJSON that all objects, or all lists, are given is heard', () => {
  for (const prototype of [Object.prototype, Array.prototype]) {
    const { encode } = forgetful();
    const make = () => ({ list: [1], part: { x: 1 } });
    for (let at = 0; at < MANY; at++) encode(make());
    Object.defineProperty(prototype, 'toJSON', { value: () => 'all', configurable: true });
    try {
      assert.equal(encode(make()), JSON.stringify(make()));
      assert.notEqual(encode(make()), '{"list":[1],"part":{"x":1}}');
    } finally {
      delete prototype.toJSON;
    }
  }
});

test('what has a toJSON may be in itself, and is not looked into', () => {
  const { encode } = forgetful();
  let reads = 0;
  const nodes = Array.from({ length: 40 }, (_, id) => ({ id, toJSON: () => id }));
  for (const node of nodes) {
    Object.assign(node, { first: nodes[0], more: nodes });
    Object.defineProperty(node, 'read', { enumerable: true, get: () => (reads += 1) });
  }
  class Node {
    one = this;
    other = this;
    toJSON() {
      return 'node';
    }
  }
  for (let at = 0; at < 60; at++) {
    assert.equal(encode(nodes[1]), '1');
    assert.equal(encode({ node: new Node() }), '{"node":"node"}');
  }
  assert.equal(reads, 0);
});

test('names that all objects are given are not those of one', () => {
  const { encode } = forgetful();
  for (let at = 0; at < MANY; at++) encode({ a: 1, b: 2 });
  const all = /** @type {any} */ (Object.prototype);
  Object.defineProperty(all, 'b', { value: 9, enumerable: true, configurable: true });
  try {
    assert.equal(encode({ a: 1 }), '{"a":1}');
  } finally {
    delete all.b;
  }
  const bare = Object.setPrototypeOf(Array(40).fill(1), null);
  assert.equal(encode(bare), JSON.stringify(Array(40).fill(1)));
});

test('an accessor may store something, may throw, and may do so late', () => {
  const { encode, writers } = forgetful();
  const plain = (at) => ({ at, part: { x: at } });
  for (let at = 0; at < MANY; at++) encode(plain(at));
  const stores = { at: 1, part: { x: 1 } };
  let inner;
  const get = () => {
    inner = encode(plain(7));
    return 1;
  };
  Object.defineProperty(stores, 'at', { enumerable: true, get });
  assert.equal(encode(stores), '{"at":1,"part":{"x":1}}');
  assert.equal(inner, '{"at":7,"part":{"x":7}}');
  const shared = { x: 1 };
  const sharing = { at: shared, more: 1, part: shared };
  for (let at = 0; at < MANY; at++) encode({ at: { x: 1 }, more: 1, part: { x: 1 } });
  Object.defineProperty(sharing, 'more', { enumerable: true, get });
  assert.equal(typeof encode(sharing), 'object', 'what was met before the accessor is not forgotten');
  const throws = Object.defineProperty(plain(1), 'at', {
    enumerable: true,
    get() {
      throw new Error('no');
    },
  });
  assert.throws(() => encode(throws), { code: 'CACHE_INVALID_VALUE' });
  const late = Object.defineProperty({}, 'late', {
    enumerable: true,
    get() {
      if (new Error().stack?.includes('learn')) throw new Error('no');
      return { reads: 1 };
    },
  });
  for (let at = 0; at < MANY; at++) assert.equal(encode(late), '{"late":{"reads":1}}');
  // None of them has left the module in the middle of something.
  assert.equal(writers.write(plain(2)), '{"at":2,"part":{"x":2}}');
});

test('values that all have a shape of their own are given up, and are right', () => {
  const { encode, writers } = forgetful();
  const dictionary = (at) => ({ id: at, by: { [`user${at}`]: { [`x${at}`]: at } } });
  for (let at = 0; at < MANY; at++) encode({ known: 1 });
  for (let at = 0; at < 900; at++) assert.equal(encode(dictionary(at)), JSON.stringify(dictionary(at)));
  assert.equal(writers.write({ known: 1 }), '{"known":1}', 'they have not used up what may be compiled');
  for (let at = 0; at < 900; at++) assert.equal(encode(dictionary(at)), JSON.stringify(dictionary(at)));
  assert.equal(writers.write({ known: 1 }), undefined, 'no more functions are tried');
});

test('functions are compiled for some shapes, and not for all', () => {
  const { encode, writers } = forgetful();
  const value = (at) => ({ [`a${at}`]: at, part: { [`b${at}`]: at } });
  let written = 0;
  for (let at = 0; at < 400; at++) {
    for (let times = 0; times < MANY; times++) {
      assert.equal(encode(value(at)), JSON.stringify(value(at)));
      // Patience is what other values have.
      encode(value(0));
    }
    written += writers.write(value(at)) === undefined ? 0 : 1;
  }
  assert.equal(written, 128);
});

test('it works where no code may be made from strings', async () => {
  const { stdout, stderr, code } = await run(
    `const { encode } = require('./lib/codec.js');
    for (let times = 0; times < 30; times++) console.log(encode({ a: [{ b: 1 }] }));`,
    { flags: ['--disallow-code-generation-from-strings'] },
  );
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '{"a":[{"b":1}]}\n'.repeat(30));
});
