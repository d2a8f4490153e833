'use strict';

// TLS: who is trusted, who is let in, and what is said when one of them is not.

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');

const { cacheError } = require('../../support/errors.js');
const { record } = require('../../support/events.js');
const { openFor } = require('../../support/open.js');
const { claim, join } = require('../support/cluster-setup.js');
const { startServer } = require('../support/server.js');
const { makeCertificates } = require('../support/tls.js');
const { until } = require('../../support/wait.js');
require('../../support/alive.js');

const LIMIT = { timeout: 30_000 };
const DOWN = ['CACHE_UNAVAILABLE', 'CACHE_TIMEOUT'];

let server;
let mutual;
let certificates;

before(async () => {
  server = await startServer(null, { tls: true, requirepass: 'secret' });
  certificates = server.certificates;
  mutual = await startServer(null, { tls: { certificates, authClients: true } });
});
after(() => Promise.all([server?.stop(), mutual?.stop()]));

const config = (to, more) => ({
  host: to.host,
  port: to.port,
  ...(to === server ? { password: 'secret' } : {}),
  connectTimeout: '1s',
  commandTimeout: '800ms',
  ...more,
});

async function works(t, given) {
  const cache = openFor(t, { driver: 'redis', failOpen: false, config: given });
  await cache.ready();
  const value = { text: 'x'.repeat(100_000) };
  await cache.put('key', value);
  assert.deepEqual(await cache.get('key'), value);
  const numbers = Array.from({ length: 200 }, (_, at) => at);
  await Promise.all(numbers.map((number) => cache.put(`key ${number}`, number)));
  assert.deepEqual([...(await cache.many(numbers.map((number) => `key ${number}`))).values()], numbers);
  assert.equal((await cache.stats()).connection?.state, 'up');
}

async function fails(t, given, pattern) {
  const cache = openFor(t, { driver: 'redis', failOpen: false, config: given });
  const began = performance.now();
  await assert.rejects(cache.ready(), (error) => {
    t.diagnostic(error.message);
    assert.doesNotMatch(error.message, /secret|PRIVATE KEY/);
    return cacheError(DOWN, pattern)(error);
  });
  const took = performance.now() - began;
  assert.ok(took < 1250, `it took ${took} ms`);
  await assert.rejects(cache.put('key', 1), cacheError(DOWN, pattern));
  const open = openFor(t, { driver: 'redis', config: given });
  const errors = record(open, 'error');
  assert.equal(await open.get('key'), null);
  assert.match(errors[0].error.message, pattern);
}

describe('a server with a certificate of a private authority', () => {
  test('is trusted if the authority is', LIMIT, (t) =>
    works(t, config(server, { tls: { ca: certificates.ca } })),
  );

  test('is trusted if one of several authorities is, given as bytes', LIMIT, (t) =>
    works(t, config(server, { tls: { ca: [certificates.wrongCa, Buffer.from(certificates.ca)] } })),
  );

  test('is trusted at a rediss: URL', LIMIT, async (t) => {
    await works(t, { url: server.url, tls: { ca: certificates.ca } });
    await works(t, { url: server.url.replace('rediss:', 'valkeys:'), tls: { ca: certificates.ca } });
  });

  test('is trusted by its name', LIMIT, (t) =>
    works(t, config(server, { host: 'localhost', tls: { ca: certificates.ca } })),
  );

  test('is not trusted without the authority', LIMIT, async (t) => {
    await fails(t, config(server, { tls: true }), /certificate/i);
    await fails(t, { url: server.url, connectTimeout: '1s' }, /certificate/i);
  });

  test('is not trusted with another authority', LIMIT, (t) =>
    fails(t, config(server, { tls: { ca: certificates.wrongCa } }), /certificate/i),
  );

  test('is accepted without any authority if the caller says so', LIMIT, (t) =>
    works(t, config(server, { tls: { rejectUnauthorized: false } })),
  );

  test('is not spoken to without TLS, and says so', LIMIT, (t) => fails(t, config(server), /./));
});

describe('the name in the certificate', () => {
  /** A server that shows another certificate than it began with: what checks it must be able to connect. */
  async function showing(t, given) {
    const own = makeCertificates(given);
    const other = await startServer(t, { tls: true });
    const { cert, key } = own.files;
    await other.cli('CONFIG', 'SET', 'tls-cert-file', cert, 'tls-key-file', key);
    return { other, ca: own.ca };
  }

  test('must be the host', LIMIT, async (t) => {
    const { other, ca } = await showing(t, { hosts: ['cache.internal'] });
    await fails(t, config(other, { tls: { ca } }), /certificate.*name/i);
  });

  test('may be another one that the caller expects', LIMIT, async (t) => {
    const { other, ca } = await showing(t, { hosts: ['cache.internal'] });
    await works(t, config(other, { tls: { ca, servername: 'cache.internal' } }));
  });

  test('must be the one that the caller expects', LIMIT, (t) =>
    fails(
      t,
      config(server, { tls: { ca: certificates.ca, servername: 'other.internal' } }),
      /certificate.*name/i,
    ),
  );

  test('does not help a certificate that has expired', LIMIT, async (t) => {
    const { other, ca } = await showing(t, { days: [-20, -10] });
    await fails(t, config(other, { tls: { ca } }), /expired/i);
  });
});

describe('a server that wants to know its clients', () => {
  const identity = ({ cert, key }) => ({ cert, key });

  test('lets one in that has a certificate', LIMIT, (t) =>
    works(t, config(mutual, { tls: { ca: certificates.ca, ...identity(certificates.client) } })),
  );

  test('lets one in that trusts any server', LIMIT, (t) =>
    works(t, config(mutual, { tls: { rejectUnauthorized: false, ...identity(certificates.client) } })),
  );

  test('refuses one that has none', LIMIT, (t) =>
    fails(t, config(mutual, { tls: { ca: certificates.ca } }), /certificate|alert|closed|reset|broken/i),
  );

  test('refuses one whose certificate another authority has signed', LIMIT, (t) =>
    fails(
      t,
      config(mutual, { tls: { ca: certificates.ca, ...identity(certificates.stranger) } }),
      /certificate|alert|closed|reset|broken|unknownca/i,
    ),
  );

  test("is not asked with a key that is not the certificate's", LIMIT, (t) => {
    const tls = { ca: certificates.ca, cert: certificates.client.cert, key: certificates.stranger.key };
    return fails(t, config(mutual, { tls }), /key|certificate/i);
  });

  test('is not asked with a key that is no key', LIMIT, (t) => {
    const key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n';
    const tls = { ca: certificates.ca, cert: certificates.client.cert, key };
    return fails(t, config(mutual, { tls }), /key|certificate|TLS/i);
  });
});

test('a cluster is reached by TLS at every node', LIMIT, async (t) => {
  const servers = await Promise.all(
    [0, 1, 2].map(() =>
      startServer(t, {
        tls: { certificates },
        cluster: true,
        args: ['--tls-cluster', 'yes', '--tls-replication', 'yes'],
      }),
    ),
  );
  await claim(servers);
  await join(servers);
  await until('the cluster is up', async () => {
    const states = await Promise.all(servers.map((each) => each.cli('CLUSTER', 'INFO')));
    return states.every((state) => state.includes('cluster_state:ok'));
  });
  const nodes = servers.map(({ host, port }) => ({ host, port }));
  await works(t, { cluster: { nodes }, tls: { ca: certificates.ca } });
  await works(t, { cluster: { nodes: [servers[0].url] }, tls: { ca: certificates.ca } });
});
