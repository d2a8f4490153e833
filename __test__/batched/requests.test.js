'use strict';

// What crosses to a backend, and in how many round trips; and the queue of what is pending.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { afterEach, describe, test } = require('node:test');
const { Endings } = require('../../lib/endings.js');
const { LEASES, READS, READS_SEVERAL, WIDTH } = require('../../lib/outbox.js');
const { Queue } = require('../../lib/queue.js');
const { run } = require('../support/child.js');
const { gate, turns } = require('../support/deferred.js');
const { record } = require('../support/events.js');
const { storeName } = require('../support/threads.js');
const { backend, open } = require('./backend.js');
require('../support/alive.js');

const LIMIT = { timeout: 60_000 };

afterEach(() => {
  backend.seen = [];
});

describe('a backend is asked', () => {
  test('once by each operation', LIMIT, async () => {
    const cache = open();
    const once = {
      get: () => cache.get('k'),
      put: () => cache.put('k', 1),
      write: () => cache.tags(['t']).put('k', 1),
      has: () => cache.has('k'),
      increment: () => cache.increment('n'),
      forget: () => cache.forget('k'),
      pull: () => cache.pull('k'),
      touch: () => cache.touch('k', '1m'),
      remaining: () => cache.ttl('k'),
      flushTags: () => cache.tags(['t']).flush(),
      flush: () => cache.flush(),
    };
    for (const [name, call] of Object.entries(once)) {
      backend.seen = [];
      await call();
      assert.deepEqual(backend.names(), [name]);
    }
    await cache.close();
  });

  test('once by a remember that hits, and twice by one that misses', LIMIT, async () => {
    const cache = open();
    const seen = record(cache, 'hit', 'miss', 'write');
    assert.equal(await cache.remember('k', () => 'v'), 'v');
    assert.deepEqual(backend.names(), ['lease', 'fill']);
    backend.seen = [];
    assert.equal(await cache.remember('k', () => assert.fail('it ran')), 'v');
    assert.deepEqual(backend.names(), ['lease']);
    assert.deepEqual(
      seen.map(({ event }) => event),
      ['miss', 'write', 'hit'],
    );
    assert.ok(seen.every(({ durationMs }) => durationMs > 0));
    await cache.close();
  });

  test('for the life of a counter only where somebody listens', LIMIT, async () => {
    const cache = open();
    await cache.increment('n', 1, '1h');
    assert.deepEqual(backend.names(), ['increment']);
    const seen = record(cache, 'write');
    await cache.increment('n', 1, '1m');
    assert.deepEqual(backend.names(), ['increment', 'increment', 'remaining']);
    assert.ok(seen[0].ttl > 3000);
    await cache.close();
  });

  test('for many keys by a few commands, whose answers are in the order asked', LIMIT, async () => {
    const cache = open();
    const entries = Array.from({ length: 2300 }, (_, at) => [`k${at}`, at]);
    await cache.putMany(entries);
    backend.seen = [];
    const keys = entries.map(([key]) => key);
    assert.deepEqual(
      [...(await cache.many(['none', ...keys, 'neither']))],
      [['none', null], ...entries, ['neither', null]],
    );
    assert.deepEqual(
      backend.seen.map(([name, names]) => [name, names.length]),
      [500, 500, 500, 500, 302].map((length) => ['many', length]),
    );
    backend.seen = [];
    assert.equal(await cache.forgetMany([...keys, 'none']), 2300);
    assert.equal(backend.names().length, 2301);
    await cache.close();
  });

  test('with an error where one of many fails, after all are settled', LIMIT, async () => {
    const cache = open();
    await cache.putMany({ a: 1, b: 2, c: 3 });
    backend.fault = (name, [key]) => (name === 'forget' && key === 'b' ? ['CACHE_INTERNAL', 'b'] : undefined);
    await assert.rejects(cache.forgetMany(['a', 'b', 'c']), { code: 'CACHE_INTERNAL', message: 'b' });
    backend.fault = () => undefined;
    assert.equal(await cache.has('c'), false);
    await cache.close();
  });

  test('in the order of one tick, and answers come in the context of the caller', LIMIT, async () => {
    const cache = open();
    const storage = new AsyncLocalStorage();
    const contexts = [];
    cache.on('hit', () => contexts.push(storage.getStore()));
    const calls = [1, 2, 3].map((id) =>
      storage.run(id, async () => {
        void cache.put('k', id);
        return cache.get('k');
      }),
    );
    assert.deepEqual(await Promise.all(calls), [1, 2, 3]);
    assert.deepEqual(contexts, [1, 2, 3]);
    await cache.close();
  });
});

describe('a process', () => {
  const cache = `const { Cache } = require('./index.js');
    const cache = new Cache({ [Symbol.for('ferrocache.batched')]: true });`;

  test('lives until what it asked is answered, and no longer', LIMIT, async () => {
    const { code, hung, stdout, stderr } = await run(
      `${cache} cache.remember('k', () => 'v').then(() => cache.get('k')).then(console.log);`,
    );
    assert.deepEqual([code, hung, stdout.trim(), stderr], [0, false, 'v', '']);
  });

  test('is not kept alive by a cache that is not asked', LIMIT, async () => {
    const { code, hung, stderr } = await run(`${cache} cache.on('disconnect', () => {});`);
    assert.deepEqual([code, hung, stderr], [0, false, '']);
  });
});

describe('the queue', () => {
  /** A queue with what it submits counted, and what it gathers read: the numbers of each request, and the text. */
  function make({ ended = undefined } = {}) {
    const gathered = [];
    const take = (numbers, used, text) => {
      const requests = Array.from({ length: used / WIDTH }, (_, at) => [
        ...numbers.subarray(at * WIDTH, (at + 1) * WIDTH),
      ]);
      gathered.push({ requests, text });
      return ended;
    };
    const made = { submits: 0, gathered, queue: new Queue(() => made.submits++, take) };
    return made;
  }
  const ask = (queue) => ({ id: queue.take(), answer: queue.asked });

  /** Answers requests as the core does: a value (5) by its id, a failure (7) by its id below zero. */
  const settle = (queue, answers) =>
    queue.drain((codes) => {
      const values = [];
      for (let at = 0; at < answers.length; at += 2) {
        const id = answers[at];
        codes[at + 2] = Math.abs(id);
        codes[at + 3] = id > 0 ? 5 : 7;
        values.push(answers[at + 1]);
      }
      codes[0] = answers.length;
      codes[1] = 0;
      return values;
    });

  test('submits once per tick, and again in the next', async () => {
    const made = make();
    const first = ask(made.queue);
    const second = ask(made.queue);
    assert.equal(made.submits, 0);
    await turns(1);
    assert.equal(made.submits, 1);
    const third = ask(made.queue);
    await turns(1);
    assert.equal(made.submits, 2);
    settle(made.queue, [second.id, 'b', first.id, 'a', third.id, 'c']);
    assert.deepEqual(await Promise.all([first.answer, second.answer, third.answer]), ['a', 'b', 'c']);
    await turns(1);
    assert.equal(made.submits, 2);
  });

  test('gives an id anew only when it is settled, and never settles twice', async () => {
    const { queue } = make();
    const first = ask(queue);
    const second = ask(queue);
    assert.notEqual(first.id, second.id);
    settle(queue, [first.id, 1, first.id, 2, 999, 3, -999, ['CACHE_INTERNAL', 'x']]);
    const third = ask(queue);
    assert.equal(third.id, first.id);
    settle(queue, [second.id, 2, third.id, 3]);
    assert.deepEqual(await Promise.all([first.answer, second.answer, third.answer]), [1, 2, 3]);
  });

  test('rejects with an error of the code, and of ours alone', async () => {
    const { queue } = make();
    const [first, second] = [ask(queue), ask(queue)];
    settle(queue, [-first.id, ['CACHE_TIMEOUT', 'late'], -second.id, ['EVIL', 'odd']]);
    await assert.rejects(first.answer, { name: 'CacheTimeoutError', code: 'CACHE_TIMEOUT', message: 'late' });
    await assert.rejects(second.answer, { code: 'CACHE_INTERNAL' });
  });

  test('is not thrown out of by a reader, whose errors are those of its caller', async () => {
    const { gathered, queue } = make();
    const thrown = new Error('reader');
    const fail = () => {
      throw thrown;
    };
    const reader = { done: fail, failed: fail };
    const answers = [queue.get(1, 'a', reader), queue.put(1, 'b', '2', 1000, reader)];
    queue.handOver();
    const [[, first], [, second]] = gathered[0].requests;
    settle(queue, [first, 1, -second, ['CACHE_TIMEOUT', 'late']]);
    for (const answer of answers) await assert.rejects(answer, (error) => error === thrown);
  });

  /** What is pending keeps the process alive. */
  const settleAll = (queue, gathered, ids = []) => {
    const asked = gathered.flatMap(({ requests }) => requests.map(([, id]) => id));
    for (const id of [...asked, ...ids]) settle(queue, [id, undefined]);
  };
  const reader = { done: (answer) => answer, failed: (error) => Promise.reject(error) };

  test('hands over together what is asked most, and before what is asked after it', async () => {
    const { gathered, queue } = make();
    void queue.get(3, 'clé', reader);
    void queue.put(4, 'k', '"😀"', 1500, reader);
    void queue.lease(4, 'run', true);
    void queue.fill(4, 'run', 77, 'null', 200);
    assert.equal(gathered.length, 0);
    const { id } = ask(queue);
    assert.equal(gathered[0].text, 'clék"😀"runrunnull');
    const ids = gathered[0].requests.map(([, asked]) => asked);
    assert.deepEqual(
      gathered[0].requests.map(([handle, , ...rest]) => [handle, ...rest]),
      [
        [3, 3, READS, 0, 0],
        [4, 1, 4, 1500, 0],
        [4, 3, LEASES, 1, 0],
        [4, 3, 4, 200, 77],
      ],
    );
    assert.equal(new Set([id, ...ids]).size, 5);
    void queue.get(3, 'last', reader);
    await turns(1);
    assert.deepEqual([gathered.length, gathered[1].text], [2, 'last']);
    settleAll(queue, gathered, [id]);
  });

  test('hands over reads of several keys with the lengths of the keys, where there is room for them', async () => {
    const { gathered, queue } = make();
    const keys = Array.from({ length: 600 }, (_, at) => `ключ${at}`);
    for (let times = 0; times < 3; times++) void queue.many(3, keys);
    assert.equal(gathered.length, 1, 'two fit');
    queue.handOver();
    assert.deepEqual(
      gathered.map(({ text }) => text),
      [keys.join('').repeat(2), keys.join('')],
    );
    const [[handle, id, count, what]] = gathered[1].requests;
    assert.deepEqual([handle, count, what], [3, keys.length, READS_SEVERAL]);
    const numbers = gathered[1].requests.flat();
    assert.deepEqual(numbers.slice(WIDTH), keys.map((key) => key.length).slice(0, numbers.length - WIDTH));
    const others = gathered[0].requests.flat();
    settleAll(queue, [], [others[1], others[WIDTH + keys.length + 1], id]);
  });

  test('takes the answers to a read of several keys, and asks for more while there is more', async () => {
    const { queue } = make();
    const [first, second] = [ask(queue), ask(queue)];
    const tell = (id, code, parts, more) => (codes) => {
      codes.set([2 + parts.length, more, id, code, ...parts]);
      return parts
        .map((part) => ({ 4: '{"kept":1}', 5: '"text"', 7: ['CACHE_TIMEOUT', 'late'] })[part & 7])
        .filter(Boolean);
    };
    const number = 7;
    const told = [
      tell(first.id, (5 << 3) | 6, [0, 5, (number << 3) | 4, (number << 3) | 3, 7], 1),
      tell(second.id, (1 << 3) | 6, [(number << 3) | 3], 0),
    ];
    queue.drain((codes) => told.shift()(codes));
    assert.equal(told.length, 0);
    const [none, text, keep, kept, failure] = await first.answer;
    assert.deepEqual([none, text, keep.copy(), kept.copy()], [undefined, '"text"', { kept: 1 }, { kept: 1 }]);
    assert.deepEqual({ ...failure }, { code: 'CACHE_TIMEOUT', message: 'late' });
    assert.deepEqual((await second.answer)[0].copy(), { kept: 1 });
  });

  test('reads numbers and booleans from their codes, without values, and says whether there are notices', async () => {
    const { queue } = make();
    const asked = Array.from({ length: 4 }, () => ask(queue));
    const codes = [(77 << 3) | 2, (1 << 3) | 1, 1, 0];
    const tell = (waits) => (told) => {
      told.set([asked.length * 2, waits, ...asked.flatMap(({ id }, at) => [id, codes[at]])]);
    };
    assert.equal(queue.drain(tell(2)), true);
    assert.deepEqual(await Promise.all(asked.map(({ answer }) => answer)), [77, true, false, undefined]);
    assert.equal(
      queue.drain((told) => void told.set([0, 0])),
      false,
    );
  });

  test('hands over what is much, without waiting for the end of the tick', () => {
    const { gathered, queue } = make();
    void queue.put(1, 'long', 'x'.repeat(100_000), 1000, reader);
    void queue.get(1, 'k', reader);
    assert.equal(gathered.length, 1);
    for (let at = 0; at < 1000; at++) void queue.get(1, 'k', reader);
    const asked = gathered.reduce((sum, { requests }) => sum + requests.length, 0);
    assert.ok(asked > 700, `${asked}`);
    assert.ok(gathered.every(({ requests }) => requests.length <= 256));
    queue.handOver();
    settleAll(queue, gathered);
  });

  test('rejects what was asked of a session that has ended meanwhile', async () => {
    const { queue } = make({ ended: [1] });
    const answer = queue.get(1, 'k', reader);
    queue.handOver();
    await assert.rejects(answer, { code: 'CACHE_CLOSED' });
  });

  test('fails all that is pending if nothing can be sent', async () => {
    const submit = () => {
      throw new Error('no more');
    };
    const queue = new Queue(submit, () => undefined);
    const [first, second] = [ask(queue), ask(queue)];
    for (const { answer } of [first, second]) await assert.rejects(answer, { code: 'CACHE_INTERNAL' });
  });
});

describe('the end of a run', () => {
  const outcome = { kind: 'abandoned' };

  test('reaches who is being told meanwhile to wait for it', LIMIT, async () => {
    const cache = open();
    const factory = gate();
    const thrown = new Error('mine');
    const leading = cache.remember('k', factory);
    await factory.started;
    const joining = cache.remember('k', () => assert.fail('it ran'));
    factory.reject(thrown);
    for (const call of [leading, joining]) await assert.rejects(call, (error) => error === thrown);
    await cache.close();
  });

  test('that another session leads on this thread comes once, by whichever way', LIMIT, async () => {
    const name = storeName('both');
    const [first, second] = [open({ name }), open({ name })];
    const factory = gate();
    const leading = first.remember('k', factory);
    await factory.started;
    const joining = second.remember('k', () => assert.fail('it ran'));
    await turns();
    factory.resolve({ v: 1 });
    assert.deepEqual(await Promise.all([leading, joining]), [{ v: 1 }, { v: 1 }]);
    await Promise.all([first.close(), second.close()]);
  });

  test('is kept for who asked before it, and for nobody else', () => {
    const endings = new Endings();
    endings.keep(1, outcome);
    assert.equal(endings.find(1), undefined);
    const before = endings.begin();
    endings.keep(2, outcome);
    const after = endings.begin();
    endings.end(after);
    assert.equal(endings.find(2), outcome);
    endings.end(before);
    const next = endings.begin();
    endings.end(next);
    assert.equal(endings.find(2), undefined);
  });

  test('is forgotten in the end, however many ask', () => {
    const endings = new Endings();
    let asking = endings.begin();
    for (let lease = 1; lease <= 1000; lease++) {
      endings.keep(lease, outcome);
      const next = endings.begin();
      assert.equal(endings.find(lease), outcome);
      endings.end(asking);
      asking = next;
    }
    const kept = Array.from({ length: 1000 }, (_, at) => at + 1).filter((lease) => endings.find(lease));
    assert.ok(kept.length < 5, `${kept.length} are kept`);
  });
});
