'use strict';

// Copies of parsed values: what a second JSON.parse would give, however they are made.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const fc = require('fast-check');
const { isNested, isShallow, shapeOf } = require('../../lib/shapes.js');
const { fuzz } = require('../support/fuzz.js');
const { openFor } = require('../support/open.js');
require('../support/alive.js');

/** More than are made before a shape is compiled. */
const MANY = 12;

const names = fc.oneof(
  fc.constantFrom('a', 'b', '__proto__', 'constructor', '0', '', '"];x', '`', '\u2028', '\ud800'),
  fc.string(),
);
const { value: json } = fc.letrec((tie) => ({
  leaf: fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.double({ noNaN: true }), fc.string()),
  record: fc.array(fc.tuple(names, tie('value')), { maxLength: 5 }).map((all) => {
    const text = all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    return JSON.parse(`{${text.join()}}`);
  }),
  // Items of one shape, as a list of rows has.
  rows: fc.tuple(tie('value'), fc.nat(4)).map(([row, count]) => Array(count).fill(row)),
  value: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    tie('record'),
    tie('rows'),
    fc.array(tie('value'), { maxLength: 7 }),
  ),
}));

/** The module without what other tests have made it remember. */
function forgetful() {
  delete require.cache[require.resolve('../../lib/shapes.js')];
  return require('../../lib/shapes.js');
}

/** Changes everything that lies in a value. */
function spoil(value) {
  if (!isNested(value)) return;
  for (const part of Object.values(value)) spoil(part);
  if (Array.isArray(value)) value.push('spoilt');
  else value.spoilt = true;
}

function copiesAreTheirOwn(value) {
  const text = JSON.stringify(value);
  const source = JSON.parse(text);
  const shape = shapeOf(source);
  for (let times = 0; times < MANY; times++) {
    const copy = shape.copy(source);
    // The text has the names in their order, also `__proto__`.
    assert.equal(JSON.stringify(copy), text);
    assert.deepStrictEqual(copy, JSON.parse(text));
    spoil(copy);
    assert.equal(JSON.stringify(source), text);
  }
}

test('a copy is what a second parse would give, and shares nothing', () =>
  fuzz(fc.property(json.filter(isNested), copiesAreTheirOwn), { numRuns: 500 }));

test('large values: many names, long lists, deep nesting', () => {
  const wide = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`n${at}`, { at: [at] }]));
  const rows = Array.from({ length: 300 }, (_, at) => ({ at, tags: ['a'], size: { w: at, h: null } }));
  let deep = { end: true };
  for (let level = 0; level < 50; level++) deep = level % 3 === 0 ? [deep, level] : { deep, level };
  for (const value of [
    wide,
    rows,
    { rows, more: [rows, rows] },
    deep,
    [[[[]]]],
    [{}, {}],
    [{}, { a: 1 }],
    {},
  ]) {
    copiesAreTheirOwn(value);
  }
});

test('a list in each item of a list, level by level, takes no longer than its size', () => {
  const under = (thread, level) => ({ id: level, replies: [thread, { id: -level, replies: [] }] });
  const thread = Array.from({ length: 90 }, (_, level) => level).reduce(under, { id: 0, replies: [] });
  copiesAreTheirOwn(thread);
});

test('long names are not written out again and again', () => {
  let value = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`leaf${at}`, at]));
  for (let level = 0; level < 7; level++) value = { [`${level}`.repeat(100_000)]: value };
  copiesAreTheirOwn(value);
  const shape = shapeOf(value);
  for (let times = 0; times < MANY; times++) shape.copy(value);
  assert.ok(String(shape.copy).length < 1000);
});

test('values of one shape are copied by one function, which is not the one for any value', () => {
  const { shapeOf: fresh } = forgetful();
  const of = (text) => fresh(JSON.parse(text));
  const shape = of('{"id":1,"list":[{"a":1}],"inner":{"b":null}}');
  assert.equal(of('{"id":"x","list":[{"a":2},{"a":[]}],"inner":{"b":2}}') === shape, false, 'another inside');
  assert.equal(of('{"id":"x","list":[{"a":2},{"a":3}],"inner":{"b":"c"}}'), shape);
  assert.notEqual(of('{"list":[{"a":1}],"id":1,"inner":{"b":null}}'), shape, 'another order');
  const first = shape.copy;
  for (let times = 0; times < MANY; times++) shape.copy({ id: times, list: [], inner: {} });
  assert.notEqual(shape.copy, first);
  assert.match(String(shape.copy), /"id":v\["id"\]/);
});

test('with more shapes than are remembered, copies are right all the same, and only what is met again is compiled', () => {
  for (let round = 0; round < 3; round++) {
    for (let at = 0; at < 400; at++) copiesAreTheirOwn({ [`name${at}`]: [{ at }, { at: at + 1 }] });
  }
  const { shapeOf: fresh } = forgetful();
  const values = Array.from({ length: 1000 }, (_, at) => ({ [`once${at}`]: 1 }));
  const shapes = values.map(fresh);
  for (const [at, shape] of shapes.entries()) {
    for (let times = 0; times < MANY; times++) assert.deepEqual(shape.copy(values[at]), values[at]);
  }
  const compiled = shapes.filter(({ copy }) => String(copy).includes('once'));
  assert.ok(compiled.length <= 256, `${compiled.length}`);
  // Lists of many lengths are of one shape from now on.
  const lists = [1, 2, 3].map((length) => fresh({ list: Array(length).fill(0) }));
  assert.equal(new Set(lists).size, 1);
});

test('what is nested too deeply is decoded for each reader', async (t) => {
  const deep = JSON.parse(`${'[1,'.repeat(1000)}2${']'.repeat(1000)}`);
  assert.equal(isShallow(deep), false);
  const cache = openFor(t, {});
  await cache.put('deep', deep);
  for (let times = 0; times < MANY; times++) assert.deepEqual(await cache.get('deep'), deep);
});
