'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { snapshotKey, snapshotValue } = require('../../lib/lens-snapshot.js');

/** What Lens stores of it: the snapshot after a round trip through JSON. */
function stored(value) {
  const snapshot = snapshotValue(value);
  assert.ok(typeof snapshot === 'object' && snapshot !== null);
  const text = JSON.stringify(snapshot);
  assert.ok(text.length < 40_000, `${text.length} characters`);
  return JSON.parse(text);
}

test('objects and arrays keep their form', () => {
  for (const value of [
    { a: 1, b: { c: [true, null, 'text', 1.5] } },
    [],
    {},
    [[], {}],
    Object.assign(Object.create(null), { a: 1 }),
  ]) {
    assert.deepEqual(stored(value), JSON.parse(JSON.stringify(value)));
  }
});

test('what is falsy or scalar is wrapped', () => {
  for (const value of [0, 1, -1.5, '', 'text', false, true, null]) {
    assert.deepEqual(stored(value), { value });
  }
});

test('what JSON has no form for is named', () => {
  assert.deepEqual(stored(undefined), { value: '[undefined]' });
  assert.deepEqual(stored(NaN), { value: '[NaN]' });
  assert.deepEqual(stored(-Infinity), { value: '[-Infinity]' });
  assert.deepEqual(stored(-0), { value: '[-0]' });
  assert.deepEqual(stored(10n ** 20n), { value: '100000000000000000000n' });
  assert.deepEqual(stored(Symbol('s')), { value: '[symbol]' });
  assert.deepEqual(stored({ f() {} }), { f: '[function]' });
  assert.deepEqual(stored([undefined, 1n]), ['[undefined]', '1n']);
});

test('dates, patterns, addresses and errors are readable', () => {
  const date = new Date(0);
  assert.deepEqual(stored(date), { value: '1970-01-01T00:00:00.000Z' });
  assert.deepEqual(stored({ at: new Date(NaN) }), { at: '[Invalid Date]' });
  assert.deepEqual(stored([/a+/gi, new URL('http://localhost/x')]), ['/a+/gi', 'http://localhost/x']);
  assert.deepEqual(stored(new TypeError('wrong')), { type: 'TypeError', message: 'wrong' });
});

test('bytes are shown as text where they are text, otherwise as hex', () => {
  assert.deepEqual(stored(Buffer.from('grüße')), { type: 'Buffer', bytes: 7, text: 'grüße' });
  assert.deepEqual(stored(Buffer.from([0, 255])), { type: 'Buffer', bytes: 2, hex: '00ff' });
  assert.deepEqual(stored(new Uint16Array([1])), { type: 'Uint16Array', bytes: 2, hex: '0100' });
  assert.deepEqual(stored(new ArrayBuffer(1)), { type: 'ArrayBuffer', bytes: 1, hex: '00' });
  assert.deepEqual(stored(Buffer.alloc(0)), { type: 'Buffer', bytes: 0, text: '' });
  const large = stored(Buffer.alloc(10_000_000, 'ü'));
  assert.equal(large.bytes, 10_000_000);
  assert.ok(large.text.length <= 512);
});

test('a cycle is named, a value that occurs twice is shown twice', () => {
  const shared = { shared: true };
  const value = { first: shared, second: shared };
  value.self = value;
  assert.deepEqual(stored(value), { first: shared, second: shared, self: '[circular]' });
  const map = new Map();
  map.set('self', map);
  assert.deepEqual(stored(map), { type: 'Map', size: 1, entries: [['self', '[circular]']] });
});

test('toJSON counts, and what throws is named and loses nothing else', () => {
  assert.deepEqual(stored({ toJSON: () => ({ json: true }) }), { json: true });
  assert.deepEqual(stored({ toJSON: () => 5 }), { value: 5 });
  const hostile = {
    fine: 1,
    get getter() {
      throw new Error('no');
    },
    nested: {
      toJSON() {
        throw new TypeError('never');
      },
    },
    odd: {
      toJSON() {
        throw Object.create(null);
      },
    },
  };
  assert.deepEqual(stored(hostile), {
    fine: 1,
    getter: '[threw: no]',
    nested: '[threw: never]',
    odd: '[threw: unknown error]',
  });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  assert.match(stored({ revoked: revoked.proxy }).revoked, /^\[threw: /);
  assert.match(stored(revoked.proxy).value, /^\[threw: /);
  const endless = { toJSON: () => endless };
  assert.deepEqual(stored(endless), { value: '[circular]' });
  const fresh = () => ({ toJSON: fresh });
  assert.deepEqual(stored(fresh()), { value: '[object]' });
});

test('__proto__ is a key like any other', () => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
  const snapshot = snapshotValue(value);
  assert.equal(Object.getPrototypeOf(snapshot), Object.prototype);
  assert.equal(JSON.stringify(snapshot), '{"__proto__":{"polluted":true},"a":1}');
});

test('long text, long lists, many properties and deep nesting are cut and say how much is missing', () => {
  assert.match(stored('x'.repeat(100_000)).value, /^x{8192}… \(\+91808 characters\)$/);
  const list = stored(Array.from({ length: 100_000 }, (_, index) => index));
  assert.match(list.at(-1), /^… \(\+\d+ items\)$/);
  assert.ok(list.length < 3_000);
  const wide = stored(
    Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`key${index}`, index])),
  );
  assert.match(wide['…'], /^\(\+\d+ properties\)$/);
  assert.equal(wide.key0, 0);
  let deep = {};
  for (let level = 0; level < 100_000; level += 1) deep = { deep };
  assert.match(JSON.stringify(stored(deep)), /"\[object\]"/);
  const holes = new Array(4_000_000_000);
  assert.match(stored(holes).at(-1), /items/);
});

test('a snapshot has nothing in common with the value', () => {
  const value = { list: [{ a: 1 }], bytes: Buffer.from('abc') };
  const snapshot = snapshotValue(value);
  value.list[0].a = 2;
  value.bytes[0] = 0;
  assert.deepEqual(snapshot, {
    list: [{ a: 1 }],
    bytes: { type: 'Buffer', bytes: 3, text: 'abc' },
  });
});

test('a short key stays as it is', () => {
  assert.equal(snapshotKey('user:1'), 'user:1');
  assert.equal(snapshotKey(''), '');
});
