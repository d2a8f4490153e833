'use strict';

// Options of the Redis driver: what is refused, and what the core is opened with. No server is asked.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { Cache, createRedisCache } = require('../index.js');
const { checkCacheOptions } = require('../lib/options.js');
const { cacheError } = require('./support/errors.js');
require('./support/alive.js');

const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
/** In every place where a secret may stand; no message may show it. */
const SECRET = 'hunter2';

const opened = (config) => checkCacheOptions({ driver: 'redis', config }).native.redis;

describe('the Redis driver is opened', () => {
  test('with defaults for all that is not said', () => {
    const { prefix, ttl, remote, atOnce, native } = checkCacheOptions({ driver: 'redis' });
    assert.deepEqual(
      { prefix, ttl, remote, atOnce },
      { prefix: 'cache:', ttl: 3_600_000, remote: true, atOnce: 1000 },
    );
    assert.deepEqual(native, {
      redis: {
        mode: 'standalone',
        nodes: [{ host: '127.0.0.1', port: 6379 }],
        db: 0,
        compress: 4096,
        maxValueBytes: 67_108_864,
        connectTimeout: 2000,
        commandTimeout: 1000,
        reconnectDelay: 50,
        maxReconnectDelay: 2000,
        leaseTtl: 5000,
        maxQueue: 10_000,
        breakerThreshold: 3,
      },
    });
  });

  const urls = {
    'redis://cache': { host: 'cache', port: 6379, db: 0 },
    'redis://cache/': { host: 'cache', port: 6379, db: 0 },
    'redis://cache:7000/3': { host: 'cache', port: 7000, db: 3 },
    'redis://cache?db=4': { host: 'cache', port: 6379, db: 4 },
    'redis://cache/4?db=4': { host: 'cache', port: 6379, db: 4 },
    'valkey://cache:7000': { host: 'cache', port: 7000, db: 0 },
    'redis://[::1]:7000': { host: '::1', port: 7000, db: 0 },
    'redis://user:pass@cache': { host: 'cache', port: 6379, db: 0, username: 'user', password: 'pass' },
    'redis://:p%40s%25%3A%2Fs@cache': { host: 'cache', port: 6379, db: 0, password: 'p@s%:/s' },
    'rediss://cache': { host: 'cache', port: 6379, db: 0, tls: { insecure: false } },
    'valkeys://cache': { host: 'cache', port: 6379, db: 0, tls: { insecure: false } },
  };
  for (const [url, { host, port, ...rest }] of Object.entries(urls)) {
    test(`at ${url}`, () => {
      const { nodes, username, password, db, tls } = opened({ url });
      assert.deepEqual(nodes, [{ host, port }]);
      assert.deepEqual(
        { username, password, db, tls },
        { username: undefined, password: undefined, tls: undefined, ...rest },
      );
    });
  }

  test('on a Unix socket, by its path or a URL', () => {
    for (const config of [{ path: '/run/a b.sock', db: 2 }, { url: 'unix:///run/a%20b.sock?db=2' }]) {
      const { path, nodes, db } = opened(config);
      assert.deepEqual({ path, nodes, db }, { path: '/run/a b.sock', nodes: [], db: 2 });
    }
  });

  test('at the nodes of a cluster, in every form', () => {
    const nodes = [{ host: 'a', port: 1 }, { host: 'b' }, 'c:3', 'd', '[::1]:5', 'redis://f:6'];
    const { mode, nodes: read } = opened({ cluster: { nodes } });
    assert.equal(mode, 'cluster');
    assert.deepEqual(
      read.map(({ host, port }) => `${host} ${port}`),
      ['a 1', 'b 6379', 'c 3', 'd 6379', '::1 5', 'f 6'],
    );
    const secured = opened({ cluster: { nodes: ['rediss://u:p@a', 'rediss://u:p@b'] } });
    assert.deepEqual([secured.username, secured.password, secured.tls], ['u', 'p', { insecure: false }]);
  });

  test('where Sentinels say, who have a user of their own', () => {
    const read = opened({
      username: 'app',
      password: 'secret',
      db: 1,
      sentinel: { name: 'main', nodes: ['a', 'redis://watch:over@b:3'] },
    });
    assert.equal(read.mode, 'sentinel');
    assert.deepEqual(read.nodes, [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 3 },
    ]);
    assert.deepEqual(
      [read.sentinelName, read.sentinelUsername, read.sentinelPassword],
      ['main', 'watch', 'over'],
    );
    assert.deepEqual([read.username, read.password, read.db], ['app', 'secret', 1]);
  });

  test('by TLS with certificates of its own', () => {
    assert.equal(opened({ tls: false }).tls, undefined);
    assert.deepEqual(opened({ tls: true }).tls, { insecure: false });
    const tls = { ca: [PEM, Buffer.from(PEM)], cert: PEM, key: Buffer.from(PEM), rejectUnauthorized: false };
    assert.deepEqual(opened({ url: 'rediss://cache', tls }).tls, {
      ca: `${PEM}\n${PEM}`,
      cert: PEM,
      key: PEM,
      insecure: true,
    });
  });

  test('with limits as they were said', () => {
    const limits = { compress: 0, maxValueBytes: 1, maxQueue: 5, breakerThreshold: 1 };
    const durations = {
      connectTimeout: '1m',
      commandTimeout: 0.25,
      reconnectDelay: '1s',
      maxReconnectDelay: 1,
    };
    const read = opened({ ...limits, ...durations, leaseTtl: '500ms' });
    for (const [name, value] of Object.entries(limits)) assert.equal(read[name], value, name);
    assert.deepEqual(
      [read.connectTimeout, read.commandTimeout, read.reconnectDelay, read.maxReconnectDelay, read.leaseTtl],
      [60_000, 250, 1000, 1000, 500],
    );
    assert.equal(opened({ compress: false }).compress, undefined);
    assert.equal(checkCacheOptions({ driver: 'redis', config: { maxQueue: 5 } }).atOnce, 2);
  });

  test('with a user that is said once, in the URL or beside it', () => {
    const { username, password, db } = opened({
      url: 'redis://cache/2',
      username: 'u',
      password: 'p',
      db: 2,
    });
    assert.deepEqual([username, password, db], ['u', 'p', 2]);
    assert.equal(opened({ url: 'redis://u:p@cache', password: 'p' }).password, 'p');
  });

  test('with the prefix and the life of config before those beside it', () => {
    const { prefix, ttl } = checkCacheOptions({
      driver: 'redis',
      prefix: 'outer:',
      defaultTtl: '1d',
      config: { prefix: 'inner:', defaultTtl: '1m' },
    });
    assert.deepEqual([prefix, ttl], ['inner:', 60_000]);
  });
});

test('a cache shows no password, however it is looked at', async () => {
  const config = { url: `redis://user:${SECRET}@127.0.0.1:1`, commandTimeout: '200ms' };
  const cache = new Cache({ driver: 'redis', config });
  const seen = [];
  for (const name of ['error', 'connect', 'disconnect']) cache.on(name, (event) => seen.push(event));
  assert.equal(await cache.get('k'), null);
  for (const thing of [cache, cache.namespace('n'), cache.tags(['t']), await cache.stats(), seen]) {
    assert.doesNotMatch(inspect(thing, { depth: 10, showHidden: true }), new RegExp(SECRET));
  }
  assert.ok(seen.length > 0);
  await cache.close();
});

describe('an option of the Redis driver', () => {
  const refused = [
    ['an unknown name', { hots: 'a' }, /hots[^]*did you mean 'host'/],
    ['a name of another client', { keyPrefix: 'a' }, /keyPrefix/],
    ['an option of the memory driver', { maxSize: 5 }, /maxSize/],
    ['a URL that is none', { url: SECRET }, /url/],
    ['a URL of another scheme', { url: `http://:${SECRET}@host` }, /url[^]*scheme/],
    ['a URL without a host', { url: 'redis:///2' }, /url[^]*host/],
    ['a URL that is a number', { url: 5 }, /url/],
    ['an empty URL', { url: '' }, /url[^]*empty/],
    ['a URL with a bad port', { url: `redis://u:${SECRET}@host:99999` }, /url/],
    ['a URL with an unescaped #', { url: `redis://:pass@host/0#${SECRET}` }, /url[^]*%23/],
    ['a URL with an unescaped %', { url: `redis://:%zz${SECRET}@host` }, /url[^]*%25/],
    ['a URL with a parameter', { url: `redis://host?${SECRET}=1` }, /url[^]*'db'/],
    ['a URL with two databases', { url: 'redis://host/1?db=2' }, /url[^]*database/],
    ['a URL with a database that is no number', { url: `redis://host/${SECRET}` }, /url[^]*database/],
    ['a socket URL with two slashes', { url: 'unix://run/redis.sock' }, /three slashes/],
    ['a URL and a host', { url: 'redis://a', host: 'b' }, /config\.url and config\.host/],
    ['a URL and a port', { url: 'redis://a', port: 1 }, /config\.url and config\.port/],
    ['a host and a socket', { host: 'a', path: '/b' }, /config\.host and config\.path/],
    ['a cluster and Sentinels', { cluster: {}, sentinel: {} }, /config\.cluster and config\.sentinel/],
    ['two passwords', { url: 'redis://u:p@a', password: SECRET }, /password is given twice/],
    ['two databases', { url: 'redis://a/1', db: 2 }, /db is given twice/],
    ['a host that is a URL', { host: `redis://:${SECRET}@host` }, /config\.host/],
    ['a host with a port', { host: 'a:1' }, /config\.host/],
    ['an empty host', { host: '' }, /config\.host/],
    ['a port that is a text', { port: '6379' }, /config\.port/],
    ['a port of 0', { port: 0 }, /config\.port/],
    ['a port beyond the last', { port: 65_536 }, /config\.port/],
    [
      'a password that is a number',
      { password: 20_041_889 },
      /config\.password[^]*a number$|config\.password[^]*a number;/,
    ],
    ['an empty password', { password: '' }, /config\.password/],
    ['a user without a password', { username: 'app' }, /config\.password/],
    ['a database below 0', { db: -1 }, /config\.db/],
    ['a database that is a text', { db: '1' }, /config\.db/],
    ['a socket that is no path', { path: 5 }, /config\.path/],
    ['TLS on a socket', { path: '/a', tls: true }, /config\.tls/],
    ['TLS that is a text', { tls: 'yes' }, /config\.tls/],
    ['TLS refused and asked for', { url: 'rediss://a', tls: false }, /config\.tls/],
    ['an unknown option of TLS', { tls: { certs: PEM } }, /certs[^]*did you mean 'cert'/],
    ['a certificate without its key', { tls: { cert: PEM } }, /cert[^]*key/],
    ['the name of a file for a certificate', { tls: { ca: '/etc/ca.pem' } }, /config\.tls\.ca[^]*content/],
    ['a choice that is no boolean', { tls: { rejectUnauthorized: 0 } }, /rejectUnauthorized/],
    ['a cluster without nodes', { cluster: {} }, /config\.cluster\.nodes/],
    ['a cluster of no nodes', { cluster: { nodes: [] } }, /config\.cluster\.nodes[^]*empty/],
    ['a cluster that is a list', { cluster: ['a'] }, /config\.cluster/],
    ['a node that is none', { cluster: { nodes: [5] } }, /config\.cluster\.nodes\[0\]/],
    ['a node with a bad port', { cluster: { nodes: ['a', 'b:99999'] } }, /config\.cluster\.nodes\[1\]/],
    ['a node with too many parts', { cluster: { nodes: [`a:1:${SECRET}`] } }, /nodes\[0\]/],
    ['a node with an unknown option', { cluster: { nodes: [{ hots: 'a' }] } }, /nodes\[0\][^]*host/],
    ['a database on a cluster', { cluster: { nodes: ['a'] }, db: 1 }, /cluster[^]*config\.db/],
    ['nodes half of which use TLS', { cluster: { nodes: ['rediss://a', 'b'] } }, /rediss/],
    ['Sentinels without a name', { sentinel: { nodes: ['a'] } }, /config\.sentinel\.name/],
    ['Sentinels with an unknown option', { sentinel: { nmae: 'a' } }, /nmae[^]*did you mean 'name'/],
    ['compression from true on', { compress: true }, /config\.compress/],
    ['compression from less than nothing on', { compress: -1 }, /config\.compress/],
    ['values of no bytes', { maxValueBytes: 0 }, /config\.maxValueBytes/],
    ['values that Redis cannot hold', { maxValueBytes: 2 ** 30 }, /config\.maxValueBytes[^]*512 MiB/],
    ['a queue of nothing', { maxQueue: 0 }, /config\.maxQueue/],
    ['a breaker that is open from the start', { breakerThreshold: 0 }, /config\.breakerThreshold/],
    ['a time-out of 0', { commandTimeout: 0 }, /config\.commandTimeout/],
    ['a time-out without an end', { connectTimeout: 'forever' }, /config\.connectTimeout/],
    ['a time-out that is no duration', { leaseTtl: 'soon' }, /config\.leaseTtl/],
    ['a first pause above the longest', { reconnectDelay: '3s' }, /reconnectDelay[^]*maxReconnectDelay/],
    ['an empty prefix', { prefix: '' }, /prefix[^]*flush\(\)/],
    ["a prefix under the driver's own", { prefix: 'ferrocache:app' }, /prefix[^]*ferrocache:/],
    ["a prefix above the driver's own", { prefix: 'ferro' }, /prefix[^]*ferrocache:/],
    ['a prefix that is no text', { prefix: 5 }, /prefix/],
  ];
  for (const [title, config, pattern] of refused) {
    test(`is refused: ${title}`, () => {
      assert.throws(
        () => new Cache({ driver: 'redis', config }),
        (error) => {
          cacheError('CACHE_CONFIG', pattern)(error);
          assert.doesNotMatch(inspect(error), new RegExp(`${SECRET}|20041889`));
          return true;
        },
      );
    });
  }

  test('is refused in the way of every other option', async () => {
    const driver = 'redis';
    assert.throws(() => new Cache({ driver, clock: 'manual' }), cacheError('CACHE_CONFIG', /manual/));
    assert.throws(() => new Cache({ driver, prefix: '' }), cacheError('CACHE_CONFIG', /prefix/));
    assert.throws(() => new Cache({ driver, url: 'redis://a' }), cacheError('CACHE_CONFIG', /config\.url/));
    assert.throws(() => new Cache({ driver: 'redsi' }), cacheError('CACHE_CONFIG', /did you mean 'redis'/));
    assert.throws(
      () => new Cache({ config: { url: 'redis://a' } }),
      cacheError('CACHE_CONFIG', /url[^]*memory driver/),
    );
    await assert.rejects(createRedisCache({ port: 'a' }), cacheError('CACHE_CONFIG', /config\.port/));
    await assert.rejects(createRedisCache({ driver: 'memory' }), cacheError('CACHE_CONFIG', /driver/));
  });
});
