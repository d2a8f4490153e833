'use strict';

// Writes that are on their way while others invalidate: whichever of them comes first, nobody is served what was
// removed, and what came last stays.

const assert = require('node:assert/strict');

const { until } = require('../support/wait.js');
const { onFake } = require('./consistency/world.js');
require('../support/alive.js');

onFake('a put whose tag was flushed meanwhile does not bury what came after the flush', async (world) => {
  const cache = world.open();
  const other = world.open({ config: { maxQueue: 5000 } });
  await cache.tags(['t']).put('k', 'first');
  const held = world.fake.faults.hold({
    path: `/${world.database}/_bulk_docs`,
    body: ({ docs }) => docs.some(({ value }) => value === '"mine"'),
  });
  const put = cache.tags(['t']).put('k', 'mine');
  await held.arrived;
  await other.tags(['t']).flush();
  await other.put('k', 'theirs');
  held.release();
  await put;
  assert.ok(['mine', 'theirs'].includes(await other.get('k')));
});

onFake('who asks for a lease takes what another put meanwhile, with tags as they are now', async (world) => {
  const cache = world.open();
  const other = world.open({ config: { maxQueue: 5000 } });
  await cache.tags(['t']).put('another', 1);
  const held = world.fake.faults.hold({
    path: `/${world.database}/_bulk_docs`,
    body: ({ docs }) => docs.some(({ lease }) => lease),
  });
  const call = cache.tags(['t']).remember('k', () => 'mine');
  await held.arrived;
  await other.tags(['t']).flush();
  await other.tags(['t']).put('k', 'theirs');
  held.release();
  assert.equal(await call, 'theirs');
  assert.equal(await other.get('k'), 'theirs');
});

onFake('what is flushed is gone when flush() resolves, also where a put is on its way', async (world) => {
  const cache = world.open();
  const other = world.open({ config: { maxQueue: 5000 } });
  await cache.put('k', 'old');
  const listing = world.fake.faults.hold({ path: `/${world.database}/_all_docs` });
  const flush = cache.flush();
  await listing.arrived;
  const writing = world.fake.faults.hold({
    path: `/${world.database}/_bulk_docs`,
    body: ({ docs }) => docs.some(({ value }) => value === '"new"'),
  });
  const put = cache.put('k', 'new');
  await writing.arrived;
  const found = flush.then(() => other.get('k'));
  listing.release();
  // It may wait for the put. If it does not, it is over by then.
  const seen = () => world.asked('/_all_docs').filter(({ status }) => status).length;
  await until('it has seen all keys', () => seen() > 1);
  for (let turn = 0; turn < 10; turn += 1) await other.has('another');
  writing.release();
  await put;
  assert.notEqual(await found, 'old');
  assert.equal(await other.get('k'), 'new');
});

onFake('what was put before a flush is gone after it, also where the flush overtakes it', async (world) => {
  const cache = world.open();
  await cache.ready();
  const writing = world.fake.faults.hold({
    path: `/${world.database}/_bulk_docs`,
    body: ({ docs }) => docs.some(({ value }) => value === '"before"'),
  });
  const put = cache.put('k', 'before');
  const flush = cache.flush();
  const seen = () => world.asked('/_all_docs').filter(({ status }) => status).length;
  await writing.arrived;
  // A flush that does not wait for the put is over by then.
  for (let turn = 0; turn < 10; turn += 1) await cache.has('another');
  assert.equal(seen(), 0);
  writing.release();
  await Promise.all([put, flush]);
  assert.equal(await cache.get('k'), null);
});

onFake('a flush removes what a put during it was to replace but was too large to', async (world) => {
  const cache = world.open({ config: { maxValueBytes: 1000 } });
  await cache.put('k', 'old');
  const listing = world.fake.faults.hold({ path: `/${world.database}/_all_docs` });
  const flush = cache.flush();
  await listing.arrived;
  await assert.rejects(cache.put('k', 'x'.repeat(1001)), { code: 'CACHE_INVALID_VALUE' });
  listing.release();
  await flush;
  assert.equal(await cache.get('k'), null);
});

onFake('a flush leaves what is put during it, also of a key of which a write may be late', async (world) => {
  const cache = world.open({ config: { commandTimeout: '300ms' } });
  await cache.ready();
  const held = world.fake.faults.hold({ path: `/${world.database}/_bulk_docs` });
  await assert.rejects(cache.put('k', 'late'), { code: 'CACHE_TIMEOUT' });
  const listing = world.fake.faults.hold({ path: `/${world.database}/_all_docs` });
  const flush = cache.flush();
  await listing.arrived;
  await cache.put('k', 'new');
  listing.release();
  await flush;
  held.release();
  assert.equal(await cache.get('k'), 'new');
});
