'use strict';

// What was removed or replaced while a factory ran, or since a process last saw it, stays so: whoever removed it, and
// whatever is left in the database to tell of it.

const assert = require('node:assert/strict');
const { describe } = require('node:test');

const { gate } = require('../support/deferred.js');
const { until } = require('../support/wait.js');
const { onBoth, onFake } = require('./consistency/world.js');
require('../support/alive.js');

const HOUR = 3_600_000;

describe('deleted or invalidated while the factory runs: the old value is cached afterwards', () => {
  const invalidations = {
    delete: (cache) => cache.delete('k'),
    put: (cache) => cache.put('k', 'new'),
    'tag flush': (cache) => cache.tags(['t']).flush(),
    clear: (cache) => cache.clear(),
  };
  const inOtherProcess = {
    delete: (peer) => peer.call('delete', 'k'),
    put: (peer) => peer.call('put', 'k', 'new'),
    'tag flush': (peer) => peer.tagged(['t'], 'flush'),
    clear: (peer) => peer.call('clear'),
  };
  const left = (name) => (name === 'put' ? 'new' : null);
  const remembers = {
    '': (cache, factory) => cache.tags(['t']).remember('k', factory),
    ', without tags': (cache, factory) => cache.remember('k', factory),
  };
  const rows = Object.keys(invalidations).flatMap((name) =>
    Object.entries(remembers)
      .filter(([how]) => name !== 'tag flush' || how === '')
      .map(([how, remember]) => ({ name, how, remember })),
  );

  for (const { name, how, remember } of rows) {
    onBoth(`${name}, in one process${how}`, async (world) => {
      const cache = world.open();
      const factory = gate();
      const call = remember(cache, factory);
      await factory.started;
      await invalidations[name](cache);
      factory.resolve('old');
      assert.equal(await call, 'old');
      assert.equal(await cache.get('k'), left(name));
    });
  }

  onBoth('in another process', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    for (const { name, how, remember } of rows) {
      const factory = gate();
      const call = remember(cache, factory);
      await factory.started;
      await inOtherProcess[name](peer);
      factory.resolve('old');
      assert.equal(await call, 'old');
      assert.equal(await cache.get('k'), left(name), `${name}${how}`);
      assert.equal(await peer.call('get', 'k'), left(name), `${name}${how}`);
      await cache.forget('k');
    }
  });

  onBoth('of a value that is stale, in another process', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    const options = { ttl: '1h', grace: '1h', tags: ['t'] };
    for (const name of Object.keys(inOtherProcess)) {
      await cache.remember('k', { ...options, ttl: 0.03 }, () => 'stale');
      await until('it is stale', async () => !(await cache.has('k')));
      const factory = gate();
      const call = cache.remember('k', options, factory);
      await factory.started;
      await inOtherProcess[name](peer);
      factory.resolve('old');
      assert.ok(['old', 'stale'].includes(await call));
      // The fill comes before what is asked now.
      assert.equal(await cache.get('k'), left(name), name);
      assert.equal(await peer.call('get', 'k'), left(name), name);
      await cache.forget('k');
    }
  });

  onBoth('by a tag that the factory names at its end', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    for (const flush of [() => cache.tags(['late']).flush(), () => peer.tagged(['late'], 'flush')]) {
      const factory = gate();
      const call = cache.remember('k', async (context) => {
        const value = await factory();
        context.setTags(['late']);
        return value;
      });
      await factory.started;
      const other = peer.remember('k', {}, { value: 'new' });
      await peer.call('has', 'k');
      await flush();
      factory.resolve('old');
      assert.equal(await call, 'old');
      assert.notEqual(await cache.get('k'), 'old');
      assert.ok(['old', 'new'].includes(await other.outcome));
      assert.notEqual(await peer.call('get', 'k'), 'old');
      await cache.forget('k');
    }
  });

  // CouchDB takes a write over a revision whose document has been purged.
  onFake('after its lease has lapsed and was swept, as when the machine slept', async (world, _t, clock) => {
    const cache = world.open({ config: { leaseTtl: '10m', sweep: false }, hardTimeout: '1d' });
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    clock.ahead = HOUR;
    const other = world.open({ config: { sweep: '1s' } });
    await other.ready();
    await until('the lease is swept', () => world.stored.read('entry:cache:k') === undefined);
    await other.forget('k');
    factory.resolve('old');
    assert.equal(await call, 'old');
    assert.equal(await other.get('k'), null);
  });

  onFake('so long ago that nothing is left of it', async (world, _t, clock) => {
    const config = { leaseTtl: '300ms', sweep: false };
    const cache = world.open({ config, hardTimeout: '1d' });
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    const other = world.open({ config: { sweep: '1s' } });
    await other.forget('k');
    // The lease would be prolonged: it is found out that it is lost.
    const from = world.fake.requests.length;
    const looksAtIt = (request) => request.body?.docs?.some(({ id }) => id === 'entry:cache:k');
    await until('its holder has looked', () => world.fake.requests.slice(from).filter(looksAtIt).length >= 2);
    clock.ahead = HOUR;
    await other.has('another');
    await until('the removal is swept', () => world.stored.read('entry:cache:k') === undefined);
    factory.resolve('old');
    assert.equal(await call, 'old');
    assert.equal(await other.get('k'), null);
  });
});

describe('what a process remembers of a document is out of date', () => {
  onBoth('it writes over what another wrote since', async (world) => {
    const cache = world.open();
    const peer = await world.openPeer();
    for (const first of ['put', 'forget', 'increment', 'add']) {
      await cache.put('k', 1);
      await cache.put('same', 1);
      if (first === 'put') await peer.call('put', 'k', 10);
      else if (first === 'increment') await peer.call('increment', 'k', 9);
      else await peer.call('forget', 'k');
      if (first === 'add') await peer.call('add', 'k', 10);
      if (first === 'forget') assert.equal(await cache.increment('k'), 1);
      else assert.equal(await cache.increment('k'), 11, first);
      await cache.put('k', 2);
      assert.equal(await peer.call('get', 'k'), 2);
      assert.equal(await cache.add('k', 3), false);
      await peer.call('forget', 'k');
      assert.equal(await cache.add('k', 3), true);
      assert.equal(await peer.call('pull', 'k'), 3);
      assert.equal(await cache.get('k'), null);
    }
  });

  // Several writers of one key are in each other's way. Who waits longer each time must look again when it has waited,
  // or what it has seen is always out of date.
  for (const [what, { given, change, then }] of Object.entries({
    put: { given: '"theirs"', change: (cache) => cache.put('k', 'mine'), then: undefined },
    increment: { given: '1', change: (cache) => cache.increment('k', 0.5), then: 1.5 },
    forget: { given: '"theirs"', change: (cache) => cache.forget('k'), then: true },
  })) {
    onFake(`${what} gets its turn on a key that somebody else writes all the time`, async (world) => {
      const cache = world.open();
      await cache.ready();
      const write = () => world.stored.write({ _id: 'entry:cache:k', value: given, updatedAt: 1 });
      write();
      const inTheWay = world.fake.faults.conflict({ path: `/${world.database}/_bulk_docs`, times: 6 });
      const writer = setInterval(write, 25);
      try {
        assert.equal(await change(cache), then);
      } finally {
        clearInterval(writer);
      }
      assert.equal(inTheWay.hits, 6);
    });
  }

  onFake('a put that was lost on its way is made, and not taken for one that was replaced', async (world) => {
    const cache = world.open();
    await cache.put('k', 'first');
    world.stored.write({ _id: 'entry:cache:k', value: '"theirs"', updatedAt: 1 });
    const lost = world.fake.faults.drop({ path: `/${world.database}/_bulk_docs`, times: 1 });
    await cache.put('k', 'second');
    assert.equal(lost.hits, 1);
    assert.equal(await cache.get('k'), 'second');
  });
});

describe('a database that another program deletes and makes anew, unseen', () => {
  for (const tags of [[], ['t']]) {
    onBoth(`while a factory runs, ${tags.length === 0 ? 'without' : 'with'} tags`, async (world) => {
      const cache = world.open();
      await cache.tags(tags).put('known', 1);
      const factory = gate();
      const call = cache.tags(tags).remember('k', factory);
      await factory.started;
      assert.equal((await world.ask('DELETE', '')).status, 200);
      assert.equal((await world.ask('PUT', '')).status, 201);
      // Only before its first write does a shard say that it never had the revision.
      for (let at = 0; at < 20; at += 1) await world.write(`other:${at}`, {});
      factory.resolve('old');
      assert.equal(await call, 'old');
      assert.equal(await cache.get('k'), null);
      assert.equal(await cache.get('known'), null);
      await cache.put('known', 2);
      assert.equal(await cache.remember('k', () => 'new'), 'new');
      assert.equal(await cache.get('k'), 'new');
    });
  }

  onFake('has what has expired swept again', async (world) => {
    const cache = world.open({ config: { sweep: '1s', leaseTtl: '150ms' } });
    await cache.ready();
    await world.ask('DELETE', '');
    await world.ask('PUT', '');
    await cache.put('k', 1, 0.01);
    await until('it is swept', async () => (await world.ids()).every((id) => !id.startsWith('entry:')));
  });
});

/** Deletes the database when a write is on its way that names a revision of it. */
async function deleted(world) {
  const held = world.fake.faults.hold({
    path: `/${world.database}/_bulk_docs`,
    body: ({ docs }) => docs.some(({ _rev }) => _rev),
  });
  return async () => {
    await held.arrived;
    await world.ask('DELETE', '');
    held.release();
  };
}

describe('a database that is deleted while a write is on its way', () => {
  onFake('takes the result of a factory with it', async (world) => {
    const cache = world.open();
    const factory = gate();
    const call = cache.remember('k', factory);
    await factory.started;
    const under = await deleted(world);
    factory.resolve('old');
    await under();
    assert.equal(await call, 'old');
    assert.equal(await cache.get('k'), null);
  });

  onFake('takes a counter with it', async (world) => {
    const cache = world.open();
    await cache.increment('n', 41);
    const under = await deleted(world);
    const step = cache.increment('n');
    await under();
    assert.equal(await step, 1);
    assert.equal(await cache.get('n'), 1);
  });
});
