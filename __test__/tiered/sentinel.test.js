'use strict';

// Two tiers where sentinels name the primary: what is read is believed only as far as the server that tells of
// changes is the one that is read from.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { startProxy } = require('../redis/support/proxy.js');
const { startServer } = require('../redis/support/server.js');
const { startLanes } = require('./support/lanes.js');
const {
  LIMIT,
  comes,
  distrusted,
  fresh,
  isTrusted,
  kept,
  openTiered,
  tiered,
  trusted,
} = require('./support/open.js');
require('../support/alive.js');

for (const plain of [false, true]) {
  describe(plain ? 'without RESP3' : 'with client tracking', () => {
    test(
      'a primary that is read from while another one tells of changes is not believed',
      LIMIT,
      async (t) => {
        const [old, promoted, other] = await Promise.all([startServer(t), startServer(t), startServer(t)]);
        const lanes = [await startLanes(t, old, { plain }), await startLanes(t, promoted, { plain })];
        const sentinel = await startProxy(t, other);
        const name = ({ host, port }) =>
          sentinel.replace('SENTINEL', ['EVAL', 'return { ARGV[1], ARGV[2] }', '0', host, String(port)]);
        name(lanes[0]);
        const nodes = [{ host: sentinel.host, port: sentinel.port }];
        const times = { reconnectDelay: '20ms', maxReconnectDelay: '100ms' };
        const cache = await openTiered(
          t,
          tiered({ driver: 'redis', sentinel: { name: 'primary', nodes }, ...times }, { failOpen: true }),
        );
        cache.on('error', () => {});
        const key = fresh('moved');
        await old.cli('SET', `cache:${key}`, '"old"');
        await promoted.cli('SET', `cache:${key}`, '"new"');
        assert.equal(await cache.get(key), 'old');
        await kept(cache, key);

        // The old one is not told that it is no primary any more, and goes on to answer.
        name(lanes[1]);
        lanes[0].cut('changes');
        await distrusted(cache);
        for (let look = 0; look < 100; look += 1) {
          assert.equal(await cache.get(key), 'old');
          assert.equal(await isTrusted(cache), false);
        }

        lanes[0].cut('data');
        // With RESP2 nobody knows of it before something is asked.
        await comes(cache, key, (got) => got === 'new');
        await trusted(cache);
        assert.equal(await cache.get(key), 'new');
        await kept(cache, key);
        await promoted.cli('SET', `cache:${key}`, '"newer"');
        if (!plain) await comes(cache, key, (got) => got === 'newer');
      },
    );
  });
}
