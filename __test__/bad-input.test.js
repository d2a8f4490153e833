'use strict';

// Bad arguments: a typed error that says what was expected, and nothing stored is lost. Bad options
// and what follows close(): bad-options.test.js and closed.test.js.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Cache } = require('../index.js');
const { rejects } = require('./support/errors.js');
const { turns } = require('./support/deferred.js');
require('./support/alive.js');

const LIMIT = { timeout: 30_000 };

/** A test on a cache that holds `kept`, which must still be there afterwards. */
function check(name, body) {
  test(name, LIMIT, async () => {
    const cache = new Cache();
    await cache.tags(['t']).put('kept', { v: 1 }, Infinity);
    await cache.put('n', 5, Infinity);
    await body(cache);
    assert.deepEqual(await cache.get('kept'), { v: 1 });
    assert.equal(await cache.ttl('kept'), Infinity);
    assert.equal(await cache.get('n'), 5);
    const keys = [];
    for await (const key of cache.keys()) keys.push(key);
    assert.deepEqual(keys.sort(), ['kept', 'n']);
    assert.equal((await cache.stats()).flights, 0);
    await cache.close();
  });
}

const never = () => assert.fail('it was called');

describe('a key', () => {
  const badKeys = {
    undefined,
    null: null,
    'a number': 42,
    NaN,
    'a boolean': true,
    'an object': {},
    'an array': ['kept'],
    'a symbol': Symbol('kept'),
    'a BigInt': 1n,
    'a function': () => 'kept',
    'a String object': new String('kept'),
    'an object with toString': { toString: () => 'kept' },
    'a Buffer': Buffer.from('kept'),
    'a lone high surrogate': '\uD800',
    'a lone low surrogate inside': 'a\uDC00b',
    'a high surrogate at the end': 'kept\uD83D',
    'more than 1 MiB': 'a'.repeat(1024 * 1024 + 1),
    'more than 1 MiB of UTF-8 in fewer characters': 'é'.repeat(512 * 1024 + 1),
  };

  const operations = {
    get: (c, key) => c.get(key),
    put: (c, key) => c.put(key, 1),
    'put with a TTL of 0': (c, key) => c.put(key, 1, 0),
    set: (c, key) => c.set(key, 1),
    has: (c, key) => c.has(key),
    forget: (c, key) => c.forget(key),
    delete: (c, key) => c.delete(key),
    pull: (c, key) => c.pull(key),
    add: (c, key) => c.add(key, 1),
    touch: (c, key) => c.touch(key, '1h'),
    ttl: (c, key) => c.ttl(key),
    many: (c, key) => c.many(['kept', key]),
    putMany: (c, key) =>
      c.putMany([
        ['kept', 2],
        [key, 1],
      ]),
    forgetMany: (c, key) => c.forgetMany(['kept', key]),
    increment: (c, key) => c.increment(key),
    decrement: (c, key) => c.decrement(key),
    remember: (c, key) => c.remember(key, never),
    rememberForever: (c, key) => c.rememberForever(key, never),
    'tags.get': (c, key) => c.tags(['t']).get(key),
    'tags.put': (c, key) => c.tags(['t']).put(key, 1),
    'tags.add': (c, key) => c.tags(['t']).add(key, 1),
    'tags.putMany': (c, key) => c.tags(['t']).putMany([[key, 1]]),
    'tags.remember': (c, key) => c.tags(['t']).remember(key, never),
    lock: (c, key) => c.lock(key, { maxRetries: 0 }),
    lockAndRun: (c, key) => c.lockAndRun(key, '1m', never),
    'namespace.get': (c, key) => c.namespace('ns').get(key),
    'namespace.put': (c, key) => c.namespace('ns').put(key, 1),
    'namespace.lock': (c, key) => c.namespace('ns').lock(key, { maxRetries: 0 }),
  };

  for (const [kind, key] of Object.entries(badKeys)) {
    check(`that is ${kind} is refused by every operation`, async (cache) => {
      for (const call of Object.values(operations)) {
        await rejects(() => call(cache, key), 'CACHE_INVALID_KEY', /key/i);
      }
      if (key !== undefined) await rejects(() => cache.reset(key), 'CACHE_INVALID_KEY', /key/i);
    });
  }

  check('that is bad is told what a key is', async (cache) => {
    await rejects(() => cache.get(42), 'CACHE_INVALID_KEY', /string.*number|number.*string|string.*42/s);
    await rejects(() => cache.get('\uD800'), 'CACHE_INVALID_KEY', /surrogate/);
    await rejects(() => cache.get('a'.repeat(2 ** 20 + 1)), 'CACHE_INVALID_KEY', /1 MiB|1,?048,?576/);
    const { message } = await cache.get('a'.repeat(2 ** 21)).catch((error) => error);
    assert.ok(message.length < 1000, 'the message holds the whole key');
  });
});

describe('a TTL', () => {
  const badTtls = {
    NaN,
    'a word': 'abc',
    'an unknown unit': '5 parsecs',
    'the empty string': '',
    'a blank': ' ',
    'digits without a unit': '60',
    'a negative duration': '-5s',
    'a unit without digits': 'h',
    'a mistyped forever': 'forevr',
    true: true,
    false: false,
    'an object': {},
    'an object with options': { ttl: 5 },
    'an array': [5],
    'a symbol': Symbol('5s'),
    'a BigInt': 5n,
    'a callback': () => 5,
    'a Date': new Date(),
    'a Number object': new Number(5),
  };

  const operations = {
    put: (c, ttl) => c.put('kept', 2, ttl),
    set: (c, ttl) => c.set('kept', 2, ttl),
    add: (c, ttl) => c.add('new', 2, ttl),
    'add of a key that is there': (c, ttl) => c.add('kept', 2, ttl),
    touch: (c, ttl) => c.touch('kept', ttl),
    putMany: (c, ttl) => c.putMany({ kept: 2, new: 3 }, ttl),
    increment: (c, ttl) => c.increment('n', 1, ttl),
    'increment of a new counter': (c, ttl) => c.increment('new', 1, ttl),
    decrement: (c, ttl) => c.decrement('n', 1, ttl),
    'tags.put': (c, ttl) => c.tags(['t']).put('kept', 2, ttl),
    'tags.add': (c, ttl) => c.tags(['t']).add('new', 2, ttl),
    'tags.putMany': (c, ttl) => c.tags(['t']).putMany({ kept: 2 }, ttl),
    'remember with options': (c, ttl) => c.remember('new', { ttl }, never),
    'remember with a grace': (c, ttl) => c.remember('new', { grace: ttl }, never),
    'remember with a timeout': (c, ttl) => c.remember('new', { timeout: ttl }, never),
    'remember with a hardTimeout': (c, ttl) => c.remember('new', { hardTimeout: ttl }, never),
    'tags.remember with options': (c, ttl) => c.tags(['t']).remember('new', { ttl }, never),
    'a lock': (c, ttl) => c.lock('l', { ttl, maxRetries: 0 }),
    'a lock by its alias': (c, ttl) => c.lock('l', { timeout: ttl, maxRetries: 0 }),
    'the wait of a lock': (c, ttl) => c.lock('l', { wait: ttl, maxRetries: 0 }),
    lockAndRun: (c, ttl) => c.lockAndRun('l', { ttl }, never),
    'setTtl in a factory': (c, ttl) => c.remember('new', (context) => context.setTtl(ttl)),
  };

  for (const [kind, ttl] of Object.entries(badTtls)) {
    check(`that is ${kind} is refused wherever a TTL is given`, async (cache) => {
      for (const call of Object.values(operations)) {
        await rejects(() => call(cache, ttl), 'CACHE_INVALID_TTL');
      }
      if (typeof ttl !== 'object') {
        await rejects(() => cache.remember('new', ttl, never), 'CACHE_INVALID_TTL');
      }
    });
  }

  check('that is bad is told what a TTL is', async (cache) => {
    await rejects(() => cache.put('kept', 2, '5 parsecs'), 'CACHE_INVALID_TTL', /5 parsecs/);
    await rejects(() => cache.put('kept', 2, 'abc'), 'CACHE_INVALID_TTL', /'?(30s|5m|1h)/);
    await rejects(() => cache.put('kept', 2, () => 1), 'CACHE_INVALID_TTL', /function/);
    await rejects(() => cache.put('kept', 2, {}), 'CACHE_INVALID_TTL', /seconds/);
  });

  check('that is a callback is told so, and the callback is not called', async (cache) => {
    await rejects(() => cache.put('kept', 2, never), 'CACHE_INVALID_TTL', /function/);
    await rejects(() => cache.set('kept', 2, never), 'CACHE_INVALID_TTL', /function/);
    await rejects(() => cache.add('new', 2, never), 'CACHE_INVALID_TTL', /function/);
    await rejects(() => cache.increment('n', 1, never), 'CACHE_INVALID_TTL', /function/);
    await rejects(() => cache.remember('new', never, never), 'CACHE_INVALID_TTL', /function/);
  });
});

describe('tags', () => {
  const badTags = {
    undefined,
    null: null,
    'a number': 42,
    'an object': {},
    'a function': () => ['t'],
    'the empty string': '',
    'an array with the empty string': ['t', ''],
    'an array with a number': ['t', 5],
    'an array with null': [null],
    'an array in an array': [['t']],
    'a symbol': Symbol('t'),
    'an array with a symbol': [Symbol('t')],
    'a String object': [new String('t')],
  };
  for (const [kind, tags] of Object.entries(badTags)) {
    check(`that are ${kind} are refused by the operations that use them`, async (cache) => {
      const tagged = cache.tags(tags);
      for (const call of [
        () => tagged.put('kept', 2),
        () => tagged.add('new', 2),
        () => tagged.putMany({ kept: 2 }),
        () => tagged.remember('new', never),
        () => tagged.remember('new', { ttl: '1h' }, never),
        () => tagged.rememberForever('new', never),
        () => tagged.flush(),
        () => cache.namespace('ns').tags(tags).flush(),
      ]) {
        await rejects(call, 'CACHE_INVALID_TAG', /tag/i);
      }
      if (Array.isArray(tags) || typeof tags === 'number') {
        await rejects(() => cache.remember('new', { tags }, never), 'CACHE_INVALID_TAG', /tag/i);
        await rejects(() => cache.remember('new', (context) => context.setTags(tags)), 'CACHE_INVALID_TAG');
      }
    });
  }
});

describe('a factory', () => {
  for (const factory of [undefined, null, 5, 'x', {}, [], true, Promise.resolve(1), Symbol('f')]) {
    const kind = factory === null ? 'null' : factory instanceof Promise ? 'a promise' : typeof factory;
    check(`that is no function (${kind}) is refused`, async (cache) => {
      for (const call of [
        () => cache.remember('new', factory),
        () => cache.remember('new', '1h', factory),
        () => cache.remember('new', { ttl: '1h' }, factory),
        () => cache.rememberForever('new', factory),
        () => cache.tags(['t']).remember('new', '1h', factory),
        () => cache.remember('kept', '1h', factory),
      ]) {
        await rejects(call, 'CACHE_INVALID_ARGUMENT', /function/);
      }
    });
  }

  check('that throws synchronously rejects with what it threw', async (cache) => {
    const thrown = new Error('at once');
    let call;
    assert.doesNotThrow(() => {
      call = cache.remember('new', () => {
        throw thrown;
      });
    });
    await assert.rejects(call, (error) => error === thrown);
  });

  check('that rejects with no Error gives a typed error with its cause', async (cache) => {
    for (const reason of ['text', 0, null, undefined, { code: 'E' }]) {
      const error = await cache.remember('new', () => Promise.reject(reason)).catch((e) => e);
      assert.equal(error.code, 'CACHE_FACTORY');
      assert.equal(error.cause, reason);
    }
  });

  check('that throws no Error synchronously gives a typed error with its cause', async (cache) => {
    const call = cache.remember('new', () => {
      throw 'text';
    });
    await assert.rejects(call, { code: 'CACHE_FACTORY', cause: 'text' });
  });

  check('that never settles ends at its deadline', async (cache) => {
    const pending = new Promise(() => {});
    await rejects(
      () => cache.remember('new', { hardTimeout: '30ms' }, () => pending),
      'CACHE_TIMEOUT',
      /30ms|30 ms|0\.03/,
    );
  });

  check('that gives a thenable that throws is a factory that failed', async (cache) => {
    const thrown = new Error('from then');
    const thenable = {
      then() {
        throw thrown;
      },
    };
    await assert.rejects(
      cache.remember('new', () => thenable),
      (error) => error === thrown,
    );
  });

  check('that gives a promise that cannot be waited for leaves no timer', async (cache) => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const promise = Object.assign(Promise.resolve(1), {
      then() {
        throw 'from then';
      },
    });
    const call = cache.remember('new', () => promise);
    await assert.rejects(call, { code: 'CACHE_FACTORY', cause: 'from then' });
    assert.equal(timers(), before);
  });

  check('that takes longer than its deadline before it first waits is late', async (cache) => {
    const warned = [];
    const warn = (warning) => warned.push(warning);
    process.on('warning', warn);
    const call = cache.remember('new', { hardTimeout: '1ms' }, () => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      return new Promise(() => {});
    });
    await assert.rejects(call, { code: 'CACHE_TIMEOUT' });
    process.off('warning', warn);
    assert.deepEqual(warned, []);
  });

  check('with options of the wrong kind or name is told so', async (cache) => {
    const codes = ['CACHE_CONFIG', 'CACHE_INVALID_ARGUMENT'];
    await rejects(() => cache.remember('new', { tll: '1h' }, never), codes, /tll.*did you mean.*ttl/is);
    await rejects(() => cache.remember('new', { graze: '1h' }, never), codes, /graze.*did you mean.*grace/is);
    await rejects(() => cache.remember('new', { signal: 5 }, never), codes, /signal/i);
    await rejects(() => cache.lock('l', { maxRetry: 0 }), codes, /maxRetry.*did you mean.*maxRetries/is);
  });
});

describe('a listener', () => {
  check('that throws crashes nothing, with or without somebody who hears of it', async (cache) => {
    const logged = [];
    const quiet = new Cache({
      logger: { warn: (...args) => logged.push(args), error: (...args) => logged.push(args) },
    });
    quiet.on('write', () => {
      throw new Error('from the listener');
    });
    await quiet.put('k', 1);
    await turns();
    assert.equal(await quiet.get('k'), 1);
    assert.ok(logged.length >= 1);
    assert.match(
      JSON.stringify(logged, (_, v) => (v instanceof Error ? v.message : v)),
      /from the listener/,
    );
    await quiet.close();
    cache.on('hit', () => {
      throw new Error('from the listener');
    });
    cache.on('error', () => {
      throw new Error('from the error listener');
    });
    const warned = new Promise((resolve) => {
      process.once('warning', resolve);
    });
    assert.deepEqual(await cache.get('kept'), { v: 1 });
    await Promise.race([warned, turns(20)]);
  });

  check('that is no function is refused at once', async (cache) => {
    for (const listener of [undefined, null, 5, {}]) {
      assert.throws(() => cache.on('hit', listener), Error);
    }
    assert.equal(cache.listenerCount('hit'), 0);
  });
});
