'use strict';

// Guarantee 4: with the backend away the app goes on where that is safe, and is told where it is not.

const assert = require('node:assert/strict');
const { afterEach, describe, test } = require('node:test');
const { gate } = require('../support/deferred.js');
const { next, record } = require('../support/events.js');
const { DOWN, FOREIGN, SLOW, backend, open } = require('./backend.js');
require('../support/alive.js');

const LIMIT = { timeout: 10_000 };
const never = () => assert.fail('it ran');

afterEach(() => {
  backend.fault = () => undefined;
  backend.seen = [];
});

const away =
  (fault, ...names) =>
  (name) =>
    names.length === 0 || names.includes(name) ? fault : undefined;

/** Operations that go on, with what they answer. */
const answers = {
  get: [(cache) => cache.get('k'), null],
  'tags.get': [(cache) => cache.tags(['t']).get('k'), null],
  has: [(cache) => cache.has('k'), false],
  many: [
    (cache) => cache.many(['k', 'l']),
    new Map([
      ['k', null],
      ['l', null],
    ]),
  ],
  put: [(cache) => cache.put('k', 2), undefined],
  'put of a Buffer': [(cache) => cache.put('k', Buffer.from('b')), undefined],
  'tags.put': [(cache) => cache.tags(['t']).put('k', 2), undefined],
  set: [(cache) => cache.set('k', 2), false],
  putMany: [(cache) => cache.putMany({ k: 2, l: 3 }), undefined],
};

/** Operations that say that the backend is away. */
const rejecting = {
  add: (cache) => cache.add('k', 1),
  'tags.add': (cache) => cache.tags(['t']).add('k', 1),
  increment: (cache) => cache.increment('n'),
  decrement: (cache) => cache.decrement('n'),
  forget: (cache) => cache.forget('k'),
  forgetMany: (cache) => cache.forgetMany(['k', 'l']),
  'put of a TTL of 0': (cache) => cache.put('k', 1, 0),
  'putMany of a TTL of 0': (cache) => cache.putMany({ k: 1 }, 0),
  pull: (cache) => cache.pull('k'),
  touch: (cache) => cache.touch('k', '1h'),
  ttl: (cache) => cache.ttl('k'),
  lock: (cache) => cache.lock('l'),
  lockAndRun: (cache) => cache.lockAndRun('l', '1m', never),
  flush: (cache) => cache.flush(),
  'tags.flush': (cache) => cache.tags(['t']).flush(),
  keys: (cache) => cache.keys().next(),
  ready: (cache) => cache.ready(),
};

describe('with the backend away', () => {
  for (const [name, [call, expected]] of Object.entries(answers)) {
    for (const fault of [DOWN, SLOW]) {
      test(`${name} goes on, with an error event (${fault[0]})`, LIMIT, async () => {
        const cache = open();
        await cache.put('k', 1);
        const seen = record(cache, 'error', 'write');
        backend.fault = away(fault);
        assert.deepEqual(await call(cache), expected);
        assert.equal(seen.length, 1);
        const [{ event, error, operation }] = seen;
        assert.deepEqual([event, error.code, error.message], ['error', ...fault]);
        assert.match(name, new RegExp(operation));
        await cache.close();
      });
    }

    test(`${name} rejects with failOpen: false`, LIMIT, async () => {
      const cache = open({ failOpen: false });
      const seen = record(cache, 'error');
      backend.fault = away(DOWN);
      await assert.rejects(call(cache), { code: 'CACHE_UNAVAILABLE', message: DOWN[1] });
      assert.deepEqual(seen, []);
      await cache.close();
    });
  }

  for (const [name, call] of Object.entries(rejecting)) {
    test(`${name} rejects`, LIMIT, async () => {
      const cache = open();
      const seen = record(cache, 'error');
      backend.fault = away(DOWN);
      await assert.rejects(call(cache), { code: 'CACHE_UNAVAILABLE', message: DOWN[1] });
      assert.deepEqual(seen, []);
      await cache.close();
    });
  }

  test('a read that somebody listens to is a miss, told with the error', LIMIT, async () => {
    const cache = open();
    await cache.put('k', 1);
    const seen = record(cache, 'error', 'hit', 'miss');
    backend.fault = away(DOWN);
    assert.equal(await cache.get('k'), null);
    assert.equal(await cache.has('k'), false);
    assert.deepEqual(
      seen.map(({ event, key }) => `${event} ${key}`),
      ['error k', 'miss k', 'error k', 'miss k'],
    );
    await cache.close();
  });

  test('remember runs its factory, once for all who ask', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error', 'miss');
    backend.fault = away(DOWN);
    const factory = gate();
    const calls = [cache.remember('k', factory), cache.remember('k', factory)];
    await factory.started;
    factory.resolve('v');
    assert.deepEqual(await Promise.all(calls), ['v', 'v']);
    assert.equal(factory.runs, 1);
    const errors = seen.filter(({ event }) => event === 'error');
    assert.ok(errors.every(({ key, operation }) => key === 'k' && operation === 'remember'));
    // One for each who asked, and one for the value that was not stored.
    assert.equal(errors.length, 3);
    assert.equal(seen.length, 5);
    await cache.close();
  });

  test("remember rejects with its factory's own error", LIMIT, async () => {
    const cache = open();
    cache.on('error', () => {});
    backend.fault = away(DOWN);
    const thrown = new Error('no database');
    const failing = () => {
      throw thrown;
    };
    for (const outcome of await Promise.allSettled([
      cache.remember('k', failing),
      cache.remember('k', never),
    ])) {
      assert.equal(outcome.reason, thrown);
    }
    await cache.close();
  });

  test('remember gives its value though it could not be stored', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error');
    backend.fault = away(SLOW, 'fill');
    assert.deepEqual(await Promise.all([cache.remember('k', () => 1), cache.remember('k', never)]), [1, 1]);
    assert.deepEqual(
      seen.map(({ operation, key, error }) => [operation, key, error.code]),
      [['remember', 'k', 'CACHE_TIMEOUT']],
    );
    backend.fault = () => undefined;
    assert.equal(await cache.remember('other', () => 2), 2);
    await cache.close();
  });

  test('remember rejects all its callers with failOpen: false', LIMIT, async () => {
    const cache = open({ failOpen: false });
    for (const name of ['lease', 'fill']) {
      backend.fault = away(DOWN, name);
      const calls = [cache.remember(name, () => 1), cache.remember(name, () => 1)];
      for (const { reason } of await Promise.allSettled(calls)) {
        assert.equal(reason.code, 'CACHE_UNAVAILABLE');
      }
    }
    backend.fault = () => undefined;
    assert.equal(await cache.remember('k', () => 2), 2);
    await cache.close();
  });

  test('a run that could not be given back is an error event and nothing more', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error');
    const reported = next(cache, 'error');
    backend.fault = away(DOWN, 'fail');
    const thrown = new Error('mine');
    await assert.rejects(
      cache.remember('k', () => {
        throw thrown;
      }),
      (error) => error === thrown,
    );
    await reported;
    assert.deepEqual(
      seen.map(({ error, operation }) => [error.code, operation]),
      [['CACHE_UNAVAILABLE', 'remember']],
    );
    await cache.close();
  });

  test('a value in grace is not served by a backend that does not tell it', LIMIT, async () => {
    const cache = open({ clock: 'manual' });
    cache.on('error', () => {});
    await cache.remember('k', { ttl: 1, grace: '1h' }, () => 'old');
    cache.clock.advance('2s');
    const failing = () => Promise.reject(new Error('mine'));
    backend.fault = away(DOWN, 'peek');
    await assert.rejects(cache.remember('k', { ttl: 1, grace: '1h' }, failing), { message: 'mine' });
    backend.fault = () => undefined;
    assert.equal(await cache.remember('k', { ttl: 1, grace: '1h' }, failing), 'old');
    await cache.close();
  });

  test('one event tells of all that a putMany dropped', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error');
    backend.fault = away(DOWN);
    await cache.putMany(Array.from({ length: 2500 }, (_, at) => [`k${at}`, at]));
    assert.equal(seen.length, 1);
    await cache.close();
  });
});

describe('a value that is not ours', () => {
  test('is a miss to every read, with failOpen or without it', LIMIT, async () => {
    for (const failOpen of [true, false]) {
      const cache = open({ failOpen });
      const seen = record(cache, 'error');
      backend.fault = away(FOREIGN);
      assert.equal(await cache.get('k'), null);
      assert.equal(await cache.has('k'), false);
      assert.deepEqual([...(await cache.many(['k']))], [['k', null]]);
      assert.deepEqual(
        seen.map(({ error }) => error.code),
        Array(3).fill('CACHE_CORRUPT'),
      );
      await cache.close();
    }
  });

  test('is removed by remember, which computes anew; once', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'error');
    backend.fault = (name) => (name === 'lease' && !backend.names().includes('forget') ? FOREIGN : undefined);
    assert.equal(await cache.remember('k', () => 'v'), 'v');
    assert.deepEqual(backend.names(), ['lease', 'forget', 'lease', 'fill']);
    assert.equal(seen.length, 1);
    backend.fault = away(FOREIGN, 'lease');
    await assert.rejects(cache.remember('l', never), { code: 'CACHE_CORRUPT' });
    await cache.close();
  });
});
