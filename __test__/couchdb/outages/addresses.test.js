'use strict';

// Where a server can be: behind TLS, behind a path, with credentials in its URL.

const assert = require('node:assert/strict');
const net = require('node:net');
const { before, test } = require('node:test');
const { makeCertificates } = require('../../redis/support/tls.js');
const { SECRET, USER, withoutSecret } = require('../../support/outages/watch.js');
const { startFake } = require('../support/fake.js');
const { startWorld } = require('./world.js');
require('../../support/alive.js');

let certificates;

before(() => {
  certificates = makeCertificates();
});

const secure = (more = {}) => ({ key: certificates.key, cert: certificates.cert, ...more });
const TLS = /certificate|tls|issuer/i;

test('a server whose certificate is of a private authority', async (t) => {
  const world = await startWorld(t, { server: { tls: secure() }, config: { tls: { ca: certificates.ca } } });
  await world.round('up');
  world.server.dropConnections();
  await world.end({ recovery: await world.recovers() });
});

test('a server whose certificate is of another authority is not told the password', async (t) => {
  for (const tls of [{ ca: certificates.wrongCa }, true]) {
    const world = await startWorld(t, {
      traffic: false,
      ready: false,
      server: { tls: secure() },
      config: { tls },
    });
    await assert.rejects(world.strict.get('key'), { code: 'CACHE_UNAVAILABLE', message: TLS });
    await assert.rejects(world.strict.ready(), { code: 'CACHE_UNAVAILABLE', message: TLS });
    await world.round('down');
    assert.deepEqual(world.server.requests, []);
    await world.end();
  }
});

test('a certificate for another host', async (t) => {
  const elsewhere = makeCertificates({ hosts: ['example.org'] });
  const tls = { key: elsewhere.key, cert: elsewhere.cert };
  const world = await startWorld(t, {
    traffic: false,
    ready: false,
    server: { tls },
    config: { tls: { ca: elsewhere.ca } },
  });
  await assert.rejects(world.strict.get('key'), { code: 'CACHE_UNAVAILABLE', message: TLS });
  assert.deepEqual(world.server.requests, []);
  await world.end();
  const trusting = await startWorld(t, {
    traffic: false,
    server: { tls },
    config: { tls: { rejectUnauthorized: false } },
  });
  await trusting.round('up');
  await trusting.end();
});

test('a server that asks for the certificate of its client', async (t) => {
  const { ca, client, stranger } = certificates;
  const server = { tls: secure({ ca, requestCert: true }) };
  const known = await startWorld(t, { traffic: false, server, config: { tls: { ca, ...client } } });
  await known.round('up');
  await known.end();
  for (const tls of [{ ca }, { ca, ...stranger }]) {
    const world = await startWorld(t, { traffic: false, ready: false, server, config: { tls } });
    await assert.rejects(world.strict.get('key'), { code: 'CACHE_UNAVAILABLE' });
    await world.round('down');
    assert.deepEqual(world.server.requests, []);
    await world.end();
  }
});

test('a server that speaks TLS where none is expected, and one that does not where it is', async (t) => {
  const encrypted = await startFake({ tls: secure() }, t);
  const plain = await startFake({}, t);
  const world = await startWorld(t, { traffic: false });
  const login = `${USER}:${encodeURIComponent(SECRET)}`;
  for (const config of [
    { url: `http://${login}@127.0.0.1:${encrypted.port}` },
    { url: `https://${login}@127.0.0.1:${plain.port}`, tls: { ca: certificates.ca } },
  ]) {
    const cache = world.cache({ failOpen: false, config });
    await assert.rejects(cache.get('key'), { code: /CACHE_(UNAVAILABLE|TIMEOUT)/ });
    await assert.rejects(cache.put('key', 1), { code: /CACHE_(UNAVAILABLE|TIMEOUT)/ });
  }
  assert.deepEqual([encrypted.requests, plain.requests], [[], []]);
  await world.end();
});

test('a server that is gone and comes back, with TLS', async (t) => {
  const world = await startWorld(t, { server: { tls: secure() }, config: { tls: { ca: certificates.ca } } });
  const { server } = world;
  server.refuse();
  server.dropConnections();
  await world.rounds('either', async () => (await world.state()) === 'down');
  await world.round('down');
  await server.accept();
  await world.end({ recovery: await world.recovers() });
});

test('a server behind a path, with credentials in the URL', async (t) => {
  const world = await startWorld(t, { server: { basePath: '/some/couch' } });
  await world.round('up');
  for (const url of [`${world.url}/`, `${world.url}//`]) {
    const cache = world.another({ config: { url } });
    await cache.put('key', url, '1m');
    assert.equal(await world.strict.get('key'), url);
  }
  assert.ok(world.server.requests.every(({ path }) => path.startsWith('/cache')));
  await world.end({ recovery: await world.recovers() });
});

test('a wrong path', async (t) => {
  const world = await startWorld(t, { traffic: false, server: { basePath: '/couch' } });
  const url = world.url.replace('/couch', '/elsewhere');
  const cache = world.cache({ failOpen: false, config: { url } });
  await assert.rejects(cache.get('key'), { code: 'CACHE_UNAVAILABLE' });
  await assert.rejects(cache.ready(), { code: 'CACHE_UNAVAILABLE' });
  await world.end();
});

test('a redirection is not followed with the password', async (t) => {
  const world = await startWorld(t, { traffic: false, ready: false });
  const elsewhere = await startFake({}, t);
  world.server.faults.answer(undefined, 302, '', { Location: `${elsewhere.origin}/cache` });
  await assert.rejects(world.strict.get('key'), { code: 'CACHE_UNAVAILABLE' });
  await world.round('down');
  assert.deepEqual(elsewhere.requests, []);
  world.server.faults.clear();
  await world.end({ recovery: await world.recovers() });
});

test('something that speaks no HTTP', async (t) => {
  const world = await startWorld(t, { traffic: false });
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end('-ERR unknown command\r\n');
  });
  t.after(() => server.close());
  await new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0 }, () => resolve(undefined));
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://${USER}:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`;
  const cache = world.cache({ failOpen: false, config: { url } });
  const error = await cache.get('key').catch((reason) => reason);
  assert.match(error.code, /CACHE_(UNAVAILABLE|TIMEOUT)/);
  withoutSecret(error);
  await world.end();
});
