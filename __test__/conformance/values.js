'use strict';

const assert = require('node:assert/strict');
const { rejects } = require('../support/errors.js');
const { same } = require('../support/same.js');

/** Values that come back as they were, at the top and inside others. */
const roundTrips = {
  null: null,
  undefined,
  true: true,
  false: false,
  'the empty string': '',
  zero: 0,
  'minus zero': -0,
  NaN,
  Infinity,
  'minus Infinity': -Infinity,
  'a large number': Number.MAX_VALUE,
  'a small number': Number.MIN_VALUE,
  'a number beyond 2^53': 2 ** 60,
  'a fraction': 0.1 + 0.2,
  'an empty object': {},
  'an empty array': [],
  'a nested object': { a: [1, { b: 'c' }, [null]], d: { e: {} } },
  'an undefined property': { a: undefined, b: 1 },
  'an undefined element': [undefined, 1, undefined],
  'special numbers inside': { list: [NaN, -0, Infinity, -Infinity, 0] },
  'a Date': new Date('2024-02-29T12:34:56.789Z'),
  'the first Date': new Date(0),
  'a Map': new Map([
    ['a', 1],
    ['b', { c: [1] }],
  ]),
  'a Map with keys of any type': new Map([
    [1, 'one'],
    ['1', 'text'],
    [null, undefined],
    [{ k: 1 }, new Date(1)],
  ]),
  'a Map with NaN as a key and elsewhere': new Map([
    [1, NaN],
    [NaN, 2],
  ]),
  'an empty Map': new Map(),
  'a Set': new Set([1, 'a', null, undefined, NaN]),
  'a Set of objects': new Set([{ a: 1 }, [2], new Date(3)]),
  'a Map in a Set in a Map': new Map([['s', new Set([new Map([[1, new Set()]])])]]),
  'a BigInt': 12345678901234567890n,
  'a negative BigInt': -1n,
  'a RegExp': /a\/b[c-d]+\n/giu,
  'a URL': new URL('https://user@example.com:8080/a%20b?q=1#h'),
  'a Uint8Array': new Uint8Array([0, 1, 128, 255]),
  'a Uint8ClampedArray': new Uint8ClampedArray([0, 255]),
  'an Int8Array': new Int8Array([-128, 127]),
  'an Int16Array': new Int16Array([-32768, 32767]),
  'a Uint16Array': new Uint16Array([0, 65535]),
  'an Int32Array': new Int32Array([-(2 ** 31), 2 ** 31 - 1]),
  'a Uint32Array': new Uint32Array([0, 2 ** 32 - 1]),
  'a Float32Array': new Float32Array([1.5, NaN, Infinity, -0]),
  'a Float64Array': new Float64Array([0.1, NaN, -Infinity, -0]),
  'a BigInt64Array': new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]),
  'a BigUint64Array': new BigUint64Array([0n, 2n ** 64n - 1n]),
  'an empty typed array': new Float64Array(0),
  'a part of a typed array': new Uint16Array([1, 2, 3, 4]).subarray(1, 3),
  'a Buffer': Buffer.from([0, 10, 13, 34, 92, 127, 128, 255]),
  'an empty Buffer': Buffer.alloc(0),
  'a part of a Buffer': Buffer.from('abcdef').subarray(2, 4),
  'a Buffer of 100 KB': Buffer.alloc(100_000, 'ab'),
  'Buffers inside': { a: Buffer.from('x'), list: [Buffer.alloc(0), Buffer.from([255])] },
  'a Buffer in a Map': new Map([['b', Buffer.from('y')]]),
  'ASCII text': 'plain "quoted" \\ back',
  'text in Latin-1': 'café ñandú ÿ£',
  'text beyond Latin-1': 'żółć 漢字 кириллица',
  emoji: '😀 👩‍👩‍👧 🏳️‍🌈',
  'line separators': '\u2028\u2029\u0085',
  'control characters': '\0\u0001\b\f\n\r\t\u001f\u007f\u009f',
  'a byte order mark': '\uFEFFtext',
  'a lone high surrogate': 'a\uD800b',
  'a lone low surrogate': '\uDC00',
  'surrogates the wrong way round': '\uDE00\uD83D',
  'lone surrogates inside': { '\uD800': ['\uDFFF', { a: '\uD83D' }] },
  'text that looks like JSON': '{"json":true}',
  'text that looks like a number': '42',
  'text that looks like null': 'null',
  'an object like a wrapper': { json: { a: 1 }, meta: { values: { a: ['Date'] } } },
  'an object like a tagged value': { type: 'Buffer', data: [1, 2, 3] },
  'keys with dots, slashes and quotes': { 'a.b': 1, 'a\\.b': 2, 'c"d': 3, '': 4, ' ': 5, é: 6 },
  'a Date under a key with dots': { 'a.b': new Date(5), 'a\\.b': new Date(6), '': new Date(7) },
  'keys that objects have': { constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: 4, length: 5 },
  'NaN in several places of a value with such a key': {
    constructor: 1,
    set: new Set([{ a: NaN }, new Map([['b', NaN]])]),
  },
  'a Date beside keys that objects have': {
    constructor: 1,
    prototype: { x: new Date(1) },
    toString: new Set([1]),
  },
  'keys like indices': { 0: 'a', 1: 'b', '-1': 'c', '01': 'd' },
};

function suite({ check }) {
  for (const [name, value] of Object.entries(roundTrips)) {
    check(`${name} comes back as it was`, async (cache) => {
      await cache.put('top', value);
      same(await cache.get('top'), value);
      await cache.put('inside', { list: [value, 1], map: new Map([['v', value]]) });
      same(await cache.get('inside'), { list: [value, 1], map: new Map([['v', value]]) });
      await cache.put('plain', { list: [value, 1], property: value });
      same(await cache.get('plain'), { list: [value, 1], property: value });
      same(await cache.remember('remembered', () => value), value);
      same(await cache.remember('remembered', () => 'other'), value);
      assert.equal(await cache.add('added', value), true);
      same((await cache.many(['added'])).get('added'), value);
      same(await cache.pull('added'), value);
    });
  }

  check('an invalid Date comes back as one', async (cache) => {
    // By hand: `deepStrictEqual` of Node 20 takes two invalid Dates for different.
    await cache.put('k', new Date(NaN));
    await cache.put('inside', { at: new Date(NaN), list: [new Date(NaN)] });
    const inside = await cache.get('inside');
    for (const date of [await cache.get('k'), inside.at, inside.list[0]]) {
      assert.ok(date instanceof Date);
      assert.ok(Number.isNaN(date.getTime()));
    }
  });

  check('a Buffer is a Buffer and a Uint8Array is none', async (cache) => {
    await cache.put('k', [Buffer.from('a'), new Uint8Array([97])]);
    const [buffer, bytes] = await cache.get('k');
    assert.ok(Buffer.isBuffer(buffer));
    assert.ok(!Buffer.isBuffer(bytes));
    await cache.put('top', Buffer.from('a'));
    assert.ok(Buffer.isBuffer(await cache.get('top')));
    await cache.put('bytes', new Uint8Array([97]));
    assert.ok(!Buffer.isBuffer(await cache.get('bytes')));
  });

  check('a long text comes back whole', async (cache) => {
    for (const unit of ['a', 'é', '漢', '😀', '\0', '"', '\\']) {
      const text = unit.repeat(1_000_000);
      await cache.put('k', text);
      assert.ok((await cache.get('k')) === text, unit);
      await cache.put('k', { text });
      assert.ok((await cache.get('k')).text === text, unit);
    }
  });

  check('a circular reference is one again', async (cache) => {
    const value = { name: 'loop', list: [] };
    value.self = value;
    value.list.push(value, { up: value.list });
    await cache.put('k', value);
    const read = await cache.get('k');
    assert.equal(read.name, 'loop');
    assert.equal(read.self, read);
    assert.equal(read.list[0], read);
    assert.equal(read.list[1].up, read.list);
  });

  check('a circular array is one again', async (cache) => {
    const value = [1];
    value.push(value);
    await cache.put('k', value);
    const read = await cache.get('k');
    assert.equal(read[0], 1);
    assert.equal(read[1], read);
  });

  check('a circular reference through a Map or a Set is one again', async (cache) => {
    const map = new Map();
    map.set('self', map);
    await cache.put('map', map);
    const read = await cache.get('map');
    assert.equal(read.get('self'), read);
    const holder = { set: new Set() };
    holder.set.add(holder);
    await cache.put('set', holder);
    const back = await cache.get('set');
    assert.ok(back.set.has(back));
  });

  check('a shared reference is shared again', async (cache) => {
    const shared = { n: 1 };
    const date = new Date(1);
    await cache.put('k', { a: shared, b: shared, list: [shared], dates: [date, date] });
    const read = await cache.get('k');
    assert.deepEqual(read.a, { n: 1 });
    assert.equal(read.a, read.b);
    assert.equal(read.list[0], read.a);
    assert.deepEqual(read.dates, [date, date]);
  });

  check('an array with holes keeps its length and what it has', async (cache) => {
    // eslint-disable-next-line no-sparse-arrays
    await cache.put('k', [1, , 3, ,]);
    const read = await cache.get('k');
    assert.equal(read.length, 4);
    assert.equal(read[0], 1);
    assert.equal(read[2], 3);
    assert.ok(read[1] === undefined || read[1] === null);
  });

  check('functions and symbols inside a value are dropped, as JSON does', async (cache) => {
    const value = { f() {}, s: Symbol('s'), kept: 1, [Symbol('key')]: 2, list: [() => 1, Symbol('x'), 3] };
    await cache.put('k', value);
    same(await cache.get('k'), { kept: 1, list: [null, null, 3] });
    await cache.put('rich', { ...value, at: new Date(1), more: { g: () => 1, set: new Set([1]) } });
    const read = await cache.get('rich');
    assert.deepEqual(Object.keys(read).sort(), ['at', 'kept', 'list', 'more']);
    same(read.more, { set: new Set([1]) });
    same(read.at, new Date(1));
    assert.equal(read.list.length, 3);
    assert.equal(read.list[2], 3);
    assert.ok(read.list.slice(0, 2).every((item) => item === null || item === undefined));
  });

  check('toJSON says what is stored', async (cache) => {
    class Money {
      constructor(amount) {
        this.amount = amount;
      }

      toJSON() {
        return `${this.amount} EUR`;
      }
    }
    await cache.put('k', { price: new Money(5), list: [new Money(6)] });
    same(await cache.get('k'), { price: '5 EUR', list: ['6 EUR'] });
    await cache.put('top', new Money(7));
    assert.equal(await cache.get('top'), '7 EUR');
    await cache.put('rich', { price: new Money(8), at: new Date(1) });
    same(await cache.get('rich'), { price: '8 EUR', at: new Date(1) });
  });

  check('an instance of a class comes back as a plain object', async (cache) => {
    class User {
      #secret = 1;

      name = 'John';

      get shout() {
        return this.name.toUpperCase() + this.#secret;
      }
    }
    await cache.put('k', new User());
    same(await cache.get('k'), { name: 'John' });
    await cache.put('bare', Object.assign(Object.create(null), { a: 1 }));
    assert.deepEqual({ ...(await cache.get('bare')) }, { a: 1 });
  });

  check('a getter is read once it is stored, and is a value then', async (cache) => {
    let reads = 0;
    const value = Object.defineProperty({}, 'now', {
      enumerable: true,
      get() {
        reads += 1;
        return 'read';
      },
    });
    await cache.put('k', value);
    const before = reads;
    same(await cache.get('k'), { now: 'read' });
    assert.equal(reads, before);
  });

  check('a __proto__ key is a property and pollutes nothing', async (cache) => {
    const texts = [
      '{"__proto__":{"polluted":1}}',
      '{"a":{"__proto__":{"polluted":1}},"b":1}',
      '{"__proto__":null,"a":1}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"__proto__":[1]}',
    ];
    for (const text of texts) {
      await cache.put('k', JSON.parse(text));
      const read = await cache.get('k');
      assert.equal(JSON.stringify(read), text);
      assert.equal(Object.getPrototypeOf(read), Object.prototype);
      const copy = await cache.remember('k', () => 'other');
      assert.equal(JSON.stringify(copy), text);
    }
    const rich = JSON.parse('{"__proto__":{"polluted":1},"b":{"__proto__":{"polluted":2}}}');
    rich.at = new Date(1);
    rich.set = new Set([JSON.parse('{"__proto__":{"polluted":3}}')]);
    await cache.put('rich', rich);
    const read = await cache.get('rich');
    assert.ok(Object.hasOwn(read, '__proto__'));
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
    same(Object.getOwnPropertyDescriptor(read, '__proto__').value, { polluted: 1 });
    assert.ok(Object.hasOwn(read.b, '__proto__'));
    same(read.at, new Date(1));
    assert.equal({}.polluted, undefined);
    assert.equal([].polluted, undefined);
    assert.equal(Object.prototype.polluted, undefined);
  });

  check('a value nested 10,000 levels deep comes back or is refused, and crashes nothing', async (cache) => {
    const nests = {
      arrays: () => [],
      objects: () => ({}),
      maps: () => new Map(),
    };
    const inner = (value) =>
      value instanceof Map ? value.get('n') : Array.isArray(value) ? value[0] : value.n;
    for (const [name, make] of Object.entries(nests)) {
      let value = make();
      for (let level = 1; level < 10_000; level += 1) {
        const outer = make();
        if (outer instanceof Map) outer.set('n', value);
        else if (Array.isArray(outer)) outer.push(value);
        else outer.n = value;
        value = outer;
      }
      await cache.put(name, 'before');
      const outcome = await cache.put(name, value).then(
        () => 'stored',
        (error) => error.code,
      );
      if (outcome === 'stored') {
        let levels = 0;
        for (let at = await cache.get(name); at !== undefined && at !== null; at = inner(at)) levels += 1;
        assert.equal(levels, 10_000, name);
      } else {
        assert.equal(outcome, 'CACHE_INVALID_VALUE', name);
        assert.equal(await cache.get(name), 'before');
      }
    }
  });

  check('a value that cannot be stored leaves what was stored', async (cache) => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const thrown = new Error('from the getter');
    const bad = {
      'a function': () => 1,
      'a class': class {},
      'a symbol': Symbol('s'),
      'a throwing getter': {
        get boom() {
          throw thrown;
        },
      },
      'a throwing getter deep inside': {
        a: [
          {
            get boom() {
              throw thrown;
            },
          },
        ],
        at: new Date(1),
      },
      'a throwing toJSON': {
        toJSON() {
          throw thrown;
        },
      },
      'a revoked proxy': revoked.proxy,
    };
    await cache.tags(['t']).put('k', 'stored', 'forever');
    for (const value of Object.values(bad)) {
      await rejects(() => cache.put('k', value), 'CACHE_INVALID_VALUE');
      await rejects(() => cache.set('k', value), 'CACHE_INVALID_VALUE');
      await rejects(() => cache.add('new', value), 'CACHE_INVALID_VALUE');
      await rejects(() => cache.putMany({ good: 1, k: value }), 'CACHE_INVALID_VALUE');
      await rejects(() => cache.tags(['t']).put('k', value), 'CACHE_INVALID_VALUE');
      assert.equal(await cache.get('k'), 'stored');
      assert.equal(await cache.ttl('k'), Infinity);
      assert.equal(await cache.has('new'), false);
      assert.equal(await cache.has('good'), false);
    }
    const seen = await cache.put('k', bad['a throwing getter']).catch((error) => error);
    assert.equal(seen.cause, thrown);
  });
}

module.exports = { title: 'values', suite };
