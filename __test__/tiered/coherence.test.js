'use strict';

// Coherence over Redis, and what Redis alone can do.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { startRedis } = require('./support/backends.js');
const { coherence } = require('./support/coherence.js');
const { LIMIT, fresh, comes, kept, openTiered, tiered } = require('./support/open.js');
require('../support/alive.js');

coherence('over Redis', startRedis);

describe('what redis-cli does', () => {
  /** @type {Awaited<ReturnType<typeof startRedis>>} */
  let backend;

  before(async () => {
    backend = await startRedis();
  });
  after(() => backend?.stop());

  const changes = {
    'SET … PX': { command: (key) => ['SET', key, '"new"', 'PX', 3_600_000], then: 'new' },
    PEXPIRE: { command: (key) => ['PEXPIRE', key, 1], then: null },
    UNLINK: { command: (key) => ['UNLINK', key], then: null },
    RENAME: { command: (key) => ['RENAME', key, 'gone'], then: null },
    FLUSHDB: { command: () => ['FLUSHDB'], then: null },
    FLUSHALL: { command: () => ['FLUSHALL', 'ASYNC'], then: null },
  };
  for (const [name, { command, then }] of Object.entries(changes)) {
    test(`${name} reaches this process`, LIMIT, async (t) => {
      const cache = await openTiered(t, tiered(backend.remote()));
      const key = fresh('cli');
      await cache.put(key, 'old');
      await kept(cache, key);
      await backend.server.cli(...command(`cache:${key}`));
      await comes(cache, key, (got) => got === then);
    });
  }

  test('a transaction changes several keys at once', LIMIT, async (t) => {
    const cache = await openTiered(t, tiered(backend.remote()));
    const [one, other] = [fresh('both'), fresh('both')];
    await cache.putMany({ [one]: 'old', [other]: 'old' });
    await kept(cache, one);
    await kept(cache, other);
    const client = await backend.server.connect();
    t.after(() => client.close());
    await client.pipeline([
      ['MULTI'],
      ['SET', `cache:${one}`, '"new"'],
      ['SET', `cache:${other}`, '"new"'],
      ['EXEC'],
    ]);
    await comes(cache, one, (got) => got === 'new');
    await comes(cache, other, (got) => got === 'new');
  });

  test('what is under another prefix is no concern of this one', LIMIT, async (t) => {
    const cache = await openTiered(t, tiered(backend.remote()));
    const key = fresh('prefix');
    await cache.put(key, 'value');
    await kept(cache, key);
    const { replied } = backend.lanes;
    const earlier = replied.changes;
    const client = await backend.server.connect();
    t.after(() => client.close());
    const writes = Array.from({ length: 2000 }, (_, at) => ['SET', `other:${key}:${at}`, '1']);
    await client.pipeline(writes);
    await backend.write(key, 'new');
    await comes(cache, key, (got) => got === 'new');
    assert.ok(replied.changes - earlier < 2000, `${replied.changes - earlier} bytes told`);
  });
});
