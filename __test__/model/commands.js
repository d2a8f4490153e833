'use strict';

// The commands of the model-based test. Each does the same to the model and to the cache, and
// compares what both say.

const assert = require('node:assert/strict');
const fc = require('fast-check');
const { deferred, turns } = require('../support/deferred.js');

/** Makes a command of what it does; `allowed` says when it can be run. */
function command(name, args, run, allowed = () => true) {
  return {
    check: (model) => allowed(model),
    run: (model, real) => run(model, real),
    toString: () => `${name}(${args.map((arg) => JSON.stringify(arg) ?? 'undefined').join(', ')})`,
  };
}

const key = fc.constantFrom('a', 'b', 'n:a', 'n:b', '');
const keys = fc.array(key, { maxLength: 4 });
const value = fc.oneof(
  fc.integer({ min: -50, max: 50 }),
  fc.constantFrom(null, undefined, '', 'text', true, 0.5),
  fc.constant({ list: [1, { deep: null }] }),
);
const ttl = fc.constantFrom(
  undefined,
  undefined,
  null,
  1,
  5,
  0.5,
  '500ms',
  '2000ms',
  'forever',
  Infinity,
  0,
  -1,
);
const life = fc.constantFrom(undefined, 1, 5, '500ms', 'forever');
const tag = fc.constantFrom('s', 't', 'u');
const tags = fc.uniqueArray(tag, { maxLength: 3 });
const someTags = fc.uniqueArray(tag, { minLength: 1, maxLength: 3 });

const same = (actual, expected, what) => assert.deepStrictEqual(actual, expected, what);

/** What a promise settles to, an error included. It fails, rather than hang, if nothing settles it. */
async function settled(promise, what) {
  const pending = Symbol('pending');
  const outcome = await Promise.race([promise.catch((error) => error), turns(100).then(() => pending)]);
  assert.notEqual(outcome, pending, `${what} does not settle`);
  return outcome;
}

function through(cache, names) {
  return names.length > 0 ? cache.tags(names) : cache;
}

const entryCommands = [
  fc.tuple(key).map(([k]) =>
    command('get', [k], async (model, { cache }) => {
      same(await cache.get(k), model.get(k));
      same(await cache.has(k), model.find(k) !== undefined);
    }),
  ),
  fc
    .tuple(key)
    .map(([k]) => command('ttl', [k], async (model, { cache }) => same(await cache.ttl(k), model.ttl(k)))),
  fc.tuple(key, value, ttl, tags).map(([k, v, t, names]) =>
    command('put', [k, v, t, names], async (model, { cache }) => {
      model.put(k, v, t, names);
      same(await through(cache, names).put(k, v, t), undefined);
    }),
  ),
  fc.tuple(key, value, ttl).map(([k, v, t]) =>
    command('set', [k, v, t], async (model, { cache }) => {
      const stored = model.put(k, v, t);
      same(await cache.set(k, v, t), stored);
    }),
  ),
  fc.tuple(key, value, life, tags).map(([k, v, t, names]) =>
    command('add', [k, v, t, names], async (model, { cache }) => {
      const stored = model.add(k, v, t, names);
      same(await through(cache, names).add(k, v, t), stored);
    }),
  ),
  fc
    .tuple(key)
    .map(([k]) =>
      command('forget', [k], async (model, { cache }) => same(await cache.forget(k), model.forget(k))),
    ),
  fc
    .tuple(key)
    .map(([k]) => command('pull', [k], async (model, { cache }) => same(await cache.pull(k), model.pull(k)))),
  fc
    .tuple(key, ttl)
    .map(([k, t]) =>
      command('touch', [k, t], async (model, { cache }) => same(await cache.touch(k, t), model.touch(k, t))),
    ),
  fc.tuple(key, fc.constantFrom(1, 2, 0.5, -3), life, fc.boolean()).map(([k, by, t, down]) =>
    command(down ? 'decrement' : 'increment', [k, by, t], async (model, { cache }) => {
      const expected = model.step(k, down ? -by : by, t);
      const method = down ? 'decrement' : 'increment';
      same(await cache[method](k, by, t).catch((error) => error.code), expected);
    }),
  ),
  fc.tuple(keys).map(([ks]) =>
    command('many', [ks], async (model, { cache }) => {
      same(await cache.many(ks), new Map(ks.map((k) => [k, model.get(k)])));
    }),
  ),
  fc.tuple(fc.array(fc.tuple(key, value), { maxLength: 4 }), life, tags).map(([pairs, t, names]) =>
    command('putMany', [pairs, t, names], async (model, { cache }) => {
      for (const [k, v] of pairs) model.put(k, v, t, names);
      await through(cache, names).putMany(pairs, t);
    }),
  ),
  fc.tuple(keys).map(([ks]) =>
    command('forgetMany', [ks], async (model, { cache }) => {
      const count = ks.filter((k) => model.forget(k)).length;
      same(await cache.forgetMany(ks), count);
    }),
  ),
];

const storeCommands = [
  fc.constantFrom('1ms', '499ms', '500ms', '1000ms', '3000ms', '4000000ms').map((by) =>
    command('advance', [by], async (model, { cache }) => {
      model.advance(Number.parseInt(by, 10));
      cache.clock.advance(by);
    }),
  ),
  fc.tuple(someTags).map(([names]) =>
    command('flush tags', [names], async (model, { cache }) => {
      model.flushTags(names);
      await cache.tags(names).flush();
    }),
  ),
  fc.constantFrom('', 'n').map((namespace) =>
    command('flush', [namespace], async (model, { cache }) => {
      model.flush(namespace && `${namespace}:`);
      await (namespace ? cache.namespace(namespace) : cache).flush();
    }),
  ),
  fc.constant(
    command('keys', [], async (model, { cache }) => {
      const listed = [];
      for await (const k of cache.keys()) listed.push(k);
      same(listed.sort(), model.keys());
    }),
  ),
];

const flightCommands = [
  fc.tuple(key, ttl, tags).map(([k, t, names]) =>
    command('remember', [k, t, names], async (model, real) => {
      const id = real.calls.length;
      const call = { started: false, end: deferred() };
      call.outcome = real.cache.remember(k, { ttl: t, tags: names }, (context) => {
        call.started = true;
        call.context = context;
        return call.end.promise;
      });
      call.outcome.catch(() => {});
      real.calls.push(call);
      const expected = model.remember(id, k, t, names);
      if ('reads' in expected) same(await settled(call.outcome, 'a read'), expected.reads);
      else await real.cache.has(k);
      if ('leads' in expected) await turns(1);
      same(call.started, expected.leads === true, 'whether the factory started');
    }),
  ),
  fc
    .tuple(fc.nat(10), value, fc.option(someTags), fc.constantFrom('value', 'value', 'value', 'fail', 'skip'))
    .map(([at, v, late, how]) =>
      command(
        'finish',
        [at, v, late, how],
        async (model, real) => {
          const index = at % model.flights.length;
          const blurred = model.isBlurred(model.flights[index]);
          const { overtaken } = model.flights[index];
          const named = blurred ? null : late;
          const ending = {
            value: v,
            tags: named ?? undefined,
            failed: how === 'fail' || (blurred && overtaken),
            skipped: how === 'skip',
          };
          const flight = model.finish(index, ending);
          const leader = real.calls[flight.id];
          const thrown = new Error('the factory failed');
          if (named) leader.context.setTags(named);
          if (ending.skipped) leader.context.skip();
          if (ending.failed) leader.end.reject(thrown);
          else leader.end.resolve(v);
          for (const caller of flight.answered) {
            const outcome = await settled(real.calls[caller].outcome, `caller ${caller}`);
            if (ending.failed) assert.equal(outcome, thrown);
            else same(outcome, v);
          }
          await turns(1);
          for (const { id, reads, leads } of flight.again) {
            same(real.calls[id].started, leads === true, 'whether the factory of a late caller started');
            if (reads !== undefined) same(await settled(real.calls[id].outcome, `caller ${id}`), reads);
          }
          same(await real.cache.get(flight.key), model.get(flight.key), 'after the flight');
        },
        (model) => model.flights.length > 0,
      ),
    ),
];

const lockKey = fc.constantFrom('l', 'm');
const lockCommands = [
  fc.tuple(lockKey, fc.constantFrom(1, 5, '500ms')).map(([k, t]) =>
    command('lock', [k, t], async (model, real) => {
      const id = real.locks.length;
      const acquired = model.lock(id, k, t);
      const lock = await real.cache.lock(k, { ttl: t, maxRetries: 0 });
      real.locks.push(lock);
      same(lock.acquired, acquired);
      if (!acquired) return;
      const last = real.tokens.get(k) ?? -Infinity;
      assert.ok(lock.token > last, `the token ${lock.token} after ${last}`);
      real.tokens.set(k, lock.token);
    }),
  ),
  fc.tuple(fc.nat(10), fc.boolean()).map(([at, extends_]) =>
    command(extends_ ? 'extend' : 'release', [at], async (model, real) => {
      if (real.locks.length === 0) return;
      const id = real.locks.length - 1 - (at % real.locks.length);
      const lock = real.locks[id];
      if (extends_) same(await lock.extend('5s'), model.extend(id, lock.key, '5000ms'));
      else same(await lock.release(), model.release(id, lock.key));
    }),
  ),
];

const commands = [...entryCommands, ...storeCommands, ...flightCommands, ...flightCommands, ...lockCommands];

module.exports = { commands };
