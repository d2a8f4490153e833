'use strict';

// What the other tests of this folder stand on: a server that they can have do wrong, and that it is right
// otherwise. With COUCHDB_URL the same is asked of a real one.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const https = require('node:https');
const net = require('node:net');
const path = require('node:path');
const { json, text } = require('node:stream/consumers');
const { after, before, describe, it } = require('node:test');

const { makeCertificates } = require('../redis/support/tls.js');
const { until } = require('../support/wait.js');
const { agreement } = require('./support/agreement.js');
const { follow, request } = require('./support/client.js');
const { answered, conflictRow, conflicted, refused } = require('./support/expect.js');
const { startFake } = require('./support/fake.js');
const { startPouch } = require('./support/pouch.js');
const { realServer } = require('./support/real.js');
require('../support/alive.js');

describe('the fake', () => {
  let server;
  before(async () => {
    server = await startFake({ users: { admin: { password: 'p@ss "word":', role: 'admin' } } });
  });
  after(() => server.stop());
  agreement(() => server.url);
});

const real = realServer();
if (real) describe('CouchDB', () => agreement(() => real.url));

/** A server with a database, and a client of that. */
async function open(t, options = {}) {
  const server = await startFake(options, t);
  const database = server.createDatabase();
  const ask = (method, at, body, settings) => request(server.url, method, `/cache${at}`, body, settings);
  return { server, database, ask };
}

const BULK = { method: 'POST', path: /\/_bulk_docs$/ };
const gone = (promise) => assert.rejects(promise, /fetch failed|terminated|other side closed/);

/** What a connection gets in answer to a request, as it comes. */
function raw(t, server, method, at) {
  const socket = net.connect(server.port, server.host);
  t.after(() => socket.destroy());
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    received += chunk;
  });
  const ended = new Promise((resolve) => {
    socket.on('error', (error) => resolve(/** @type {any} */ (error).code));
    socket.on('close', () => resolve('closed'));
  });
  const ask = (verb, to) => socket.write(`${verb} ${to} HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`);
  ask(method, at);
  return { ask, received: () => received, ended };
}

describe('what a test can see of the fake', () => {
  it('is what was asked, in order', async (t) => {
    const { server, ask } = await open(t, { users: { me: { password: 'x', role: 'admin' } } });
    await ask('PUT', '/a?x=1', { v: 1 });
    await ask('GET', '/_all_docs');
    const [put, get] = server.requests;
    assert.deepEqual(
      [put.method, put.path, put.query.get('x'), put.body],
      ['PUT', '/cache/a', '1', { v: 1 }],
    );
    assert.deepEqual([put.status, put.user, get.path], [201, 'me', '/cache/_all_docs']);
    assert.ok(put.at <= get.at);
    assert.equal((await server.seen({ method: 'PUT' })).length, 1);
    await assert.rejects(server.seen(/none/, 1, { limit: 10 }), /not within 10 ms/);
  });

  it('is what is stored, which it can change too', async (t) => {
    const { database, ask } = await open(t);
    await ask('PUT', '/a', { v: 1 });
    assert.equal(database.write({ _id: 'a', v: 2 })?.[0], '2');
    assert.equal((await ask('GET', '/a')).body.v, 2);
    database.write({ _id: 'b', v: 1 });
    database.write({ _id: 'b', _deleted: true });
    assert.deepEqual([database.ids(), database.count, database.deletedCount], [['a'], 1, 1]);
    assert.deepEqual(database.documents(), [{ _id: 'a', _rev: database.read('a')._rev, v: 2 }]);
    assert.equal(database.latest('b')._deleted, true);
  });

  it('is the time that it is told', async (t) => {
    let time = Date.UTC(2001, 1, 2);
    const users = { admin: { password: 'a', role: 'admin' }, app: { password: 'b' } };
    const { server, ask, database } = await open(t, { now: () => time, lockoutTime: 1000, users });
    assert.equal((await ask('GET', '')).headers.get('date'), 'Fri, 02 Feb 2001 00:00:00 GMT');
    assert.equal(database.instanceStartTime, `${time / 1000}`);
    const wrong = server.urlFor('app').replace(':b@', ':wrong@');
    for (let login = 0; login < 5; login += 1) await request(wrong, 'GET', '/');
    assert.equal((await request(server.urlFor('app'), 'GET', '/')).status, 403);
    time += 1000;
    assert.equal((await request(server.urlFor('app'), 'GET', '/')).status, 200);
  });

  it('has users with a role in every database', async (t) => {
    const users = {
      admin: { password: 'a', role: 'admin' },
      owner: { password: 'b', role: 'dbadmin' },
      app: { password: 'c', role: 'member' },
      other: { password: 'd', role: 'none' },
    };
    const { server } = await open(t, { users });
    const design = async (user) =>
      (await request(server.urlFor(user), 'PUT', `/cache/_design/${user}`, {})).status;
    assert.deepEqual(await Promise.all(Object.keys(users).map(design)), [201, 201, 403, 403]);
    const read = async (user) => (await request(server.urlFor(user), 'GET', '/cache')).status;
    assert.deepEqual(await Promise.all(Object.keys(users).map(read)), [200, 200, 200, 403]);
  });

  it('can stand behind a path, and behind TLS', async (t) => {
    const { server } = await open(t, { basePath: '/db/couch' });
    assert.equal((await request(server.url, 'GET', '/cache')).status, 200);
    assert.equal((await fetch(`http://${server.host}:${server.port}/cache`)).status, 404);

    const { key, cert, ca } = makeCertificates();
    const secure = await startFake({ tls: { key, cert } }, t);
    secure.faults.drop(/dropped/);
    const get = (at) =>
      new Promise((resolve, reject) => {
        const asked = https.get(`${secure.url}${at}`, { ca, agent: false }, (answer) =>
          resolve(json(answer)),
        );
        asked.on('error', reject);
      });
    assert.equal((await get('/')).couchdb, 'Welcome');
    await assert.rejects(get('/dropped'), { code: 'ECONNRESET' });
  });
});

describe('a fault', () => {
  it('happens to the requests that it is for', async (t) => {
    const { server, ask } = await open(t);
    const fault = server.faults.answer(
      { ...BULK, body: ({ docs }) => docs.length > 1, skip: 1, times: 2 },
      503,
      {},
    );
    const docs = [{ _id: 'a' }, { _id: 'b' }];
    const statuses = [];
    for (let n = 0; n < 4; n += 1) statuses.push((await ask('POST', '/_bulk_docs', { docs })).status);
    assert.deepEqual(statuses, [201, 503, 503, 201]);
    assert.equal((await ask('POST', '/_bulk_docs', { docs: [] })).status, 201);
    assert.equal(fault.hits, 2);
    server.faults.answer((each) => each.query.has('x'), 418, 'short and stout', {
      'Content-Type': 'text/plain',
    });
    const answer = await ask('GET', '?x=1');
    assert.deepEqual([answer.status, answer.text], [418, 'short and stout']);
    server.faults.clear();
    assert.equal((await ask('GET', '?x=1')).status, 200);
  });

  it('holds a request before it is applied, or its answer', async (t) => {
    const { server, ask, database } = await open(t);
    const early = server.faults.hold({ method: 'PUT' });
    const first = ask('PUT', '/a', { v: 1 });
    assert.equal((await early.arrived).path, '/cache/a');
    assert.equal(database.count, 0);
    assert.equal((await ask('PUT', '/other', {})).status, 201);
    early.release();
    assert.equal((await first).status, 201);

    const late = server.faults.hold({ method: 'PUT' }, { applied: true });
    let answers = 0;
    const second = ask('PUT', '/b', {}).finally(() => {
      answers += 1;
    });
    await until('it is applied', () => database.read('b') !== undefined);
    await ask('GET', '/b');
    assert.equal(answers, 0);
    late.release();
    assert.equal((await second).status, 201);
  });

  it('holds every request until they are released, and applies what is given up', async (t) => {
    const { server, ask, database } = await open(t);
    const stalled = server.faults.stall();
    const abort = new AbortController();
    const given = ask('PUT', '/given-up', {}, { signal: abort.signal });
    const waiting = ask('PUT', '/waiting', {});
    await stalled.seen(2);
    abort.abort();
    await assert.rejects(given, { name: 'AbortError' });
    server.faults.clear();
    assert.equal((await waiting).status, 201);
    await until('it is applied', () => database.count === 2);
  });

  it('loses a request, or the answer to it', async (t) => {
    const { server, ask, database } = await open(t);
    server.faults.drop({ method: 'PUT', times: 1 });
    await gone(ask('PUT', '/a', {}));
    assert.equal(database.count, 0);
    server.faults.drop({ method: 'PUT', times: 1 }, { applied: true });
    await gone(ask('PUT', '/a', {}));
    assert.equal(database.count, 1);
    conflicted(await ask('PUT', '/a', {}));
  });

  for (const at of ['/cache', '/cache/_all_docs']) {
    it(`cuts the answer to ${at} in half`, async (t) => {
      const { server, ask } = await open(t);
      const whole = (await ask('GET', at.slice('/cache'.length))).text;
      server.faults.half({ times: 1 });
      const cut = raw(t, server, 'GET', at);
      assert.match(`${await cut.ended}`, /ECONNRESET|closed/);
      assert.ok(cut.received().includes(whole.slice(0, whole.length >> 1)));
      assert.ok(!cut.received().includes(whole.slice(-8)));

      const stalled = server.faults.half(undefined, { stall: true });
      const late = raw(t, server, 'GET', at);
      await until('half of it comes', () => late.received().includes(whole.slice(0, whole.length >> 1)));
      assert.ok(!late.received().includes(whole.slice(-8)));
      stalled.release();
      await until('the rest comes', () => late.received().includes(whole.slice(-8)));
    });
  }

  it('sends an answer in pieces', async (t) => {
    const { server, ask } = await open(t);
    const whole = (await ask('GET', '/_changes')).text;
    server.faults.pieces(/_changes/, 5);
    assert.equal((await ask('GET', '/_changes')).text, whole);
    const { received } = raw(t, server, 'GET', '/cache/_changes');
    await until('all of it comes', () => received().endsWith('0\r\n\r\n'));
    assert.match(received(), /\r\n\r\n5\r\n\{"res\r\n5\r\nults"\r\n/);
  });

  it('answers as a cluster that wrote to too few nodes, which may forget', async (t) => {
    const { server, ask, database } = await open(t);
    database.write({ _id: 'old' });
    const docs = [{ _id: 'a' }, { _id: 'old' }];
    server.faults.accepted({ times: 2 });
    const { status, body } = await ask('POST', '/_bulk_docs', { docs });
    assert.equal(status, 202);
    assert.deepEqual(body, [
      { ok: true, id: 'a', rev: database.read('a')._rev, accepted: true },
      conflictRow('old'),
    ]);
    assert.equal((await ask('PUT', '/b', {})).status, 202);
    const seq = database.updateSeq;
    server.faults.lose();
    const lost = await ask('PUT', '/c', { v: 1 });
    assert.deepEqual([lost.status, lost.body.rev[0]], [202, '1']);
    assert.equal((await ask('POST', '/_bulk_docs', { docs: [{ _id: 'd' }] })).body[0].accepted, true);
    assert.deepEqual([database.ids(), database.updateSeq], [['a', 'b', 'old'], seq]);
    refused(await ask('GET', '/c'), 404, 'not_found', 'missing');
  });

  it('is a conflict without a reason', async (t) => {
    const { server, ask } = await open(t);
    server.faults.conflict({ times: 2 });
    conflicted(await ask('PUT', '/a', {}));
    const docs = [{ _id: 'a' }, { _id: 'b' }];
    answered(await ask('POST', '/_bulk_docs', { docs }), 201, [conflictRow('a'), conflictRow('b')]);
    server.faults.conflict(BULK, ({ _id }) => _id === 'a');
    const { body } = await ask('POST', '/_bulk_docs', { docs });
    assert.deepEqual([body[0], body[1].ok], [conflictRow('a'), true]);
  });

  it('is what a database says that is deleted and created again', async (t) => {
    const { server, ask } = await open(t);
    server.faults.noShards({ times: 1 });
    refused(await ask('GET', '/a'), 500, 'internal_server_error', 'No DB shards could be opened.');
    server.faults.noDatabase({ times: 1 });
    refused(await ask('GET', '/a'), 404, 'not_found', 'Database does not exist.');
    server.faults.lockedOut({ times: 1 });
    assert.equal((await ask('GET', '')).status, 403);
    server.faults.failRows(undefined, ({ _id }) => _id === 'a');
    const { status, body } = await ask('POST', '/_bulk_docs', { docs: [{ _id: 'a' }, { _id: 'b' }] });
    assert.deepEqual([status, body[0].reason, body[1].ok], [500, 'internal_server_error', true]);
    const { body: got } = await ask('POST', '/_bulk_get', { docs: [{ id: 'a' }, { id: 'b' }] });
    assert.equal(got.results[0].docs[0].error.error, 'internal_fabric_error');
    assert.equal(got.results[1].docs[0].ok._id, 'b');
    assert.equal((await ask('GET', '/a')).status, 500);
  });

  it('is a database that is another one all of a sudden', async (t) => {
    const { server, ask } = await open(t);
    const feed = await follow(server.url, '/cache/_changes?feed=continuous&heartbeat=60000');
    server.destroyDatabase();
    await until('the feed ends', () => feed.ended);
    assert.equal((await ask('GET', '')).status, 404);
    server.createDatabase();
    assert.equal((await ask('GET', '')).status, 200);
  });

  it('keeps feeds silent', async (t) => {
    const { server, database, ask } = await open(t);
    const feed = await follow(server.url, '/cache/_changes?feed=continuous&heartbeat=5');
    t.after(() => feed.close());
    await until('it beats', () => feed.beats > 2);
    assert.equal(server.feeds, 1);
    server.pauseFeeds();
    database.write({ _id: 'a' });
    // What was on its way has come when another answer has.
    await ask('GET', '/a');
    const { beats } = feed;
    for (let n = 0; n < 10; n += 1) await ask('GET', '/a');
    assert.deepEqual([feed.beats, feed.rows], [beats, []]);
    const other = await follow(server.url, '/cache/_changes?feed=continuous&since=0');
    await ask('GET', '/a');
    assert.deepEqual([other.beats, other.rows], [0, []]);
    server.resumeFeeds();
    await until('the change comes', () => feed.rows.length === 1 && other.rows.length === 1);
    server.dropConnections();
    await until('it is cut', () => feed.ended);
    await until('the server knows', () => server.feeds === 0);
  });

  it('refuses connections, and takes them again on the same port', async (t) => {
    const { server, ask } = await open(t);
    const { port } = server;
    server.refuse();
    await assert.rejects(ask('GET', ''), (error) => error.cause.code === 'ECONNREFUSED');
    await server.accept();
    assert.deepEqual([(await ask('GET', '')).status, server.port], [200, port]);
  });

  it('takes connections and does not read from them', async (t) => {
    const { server, ask } = await open(t);
    const old = raw(t, server, 'GET', '/');
    await until('a connection is open', () => old.received() !== '');
    const held = server.holdConnections();
    const answer = ask('PUT', '/a', { v: 'x'.repeat(100_000) });
    await held.arrived;
    old.ask('GET', '/_up');
    await server.seen(/_up/);
    assert.deepEqual(
      server.requests.map(({ path: at }) => at),
      ['/', '/_up'],
    );
    held.release();
    assert.equal((await answer).status, 201);
  });
});

describe('PouchDB', () => {
  it('answers, in a process of its own', async (t) => {
    const pouch = await startPouch(t);
    const ask = (method, at, body) => request(pouch.url, method, `/cache${at}`, body);
    assert.equal((await ask('PUT', '')).status, 201);
    assert.equal((await ask('PUT', '/a', { expiresAt: 1 })).status, 201);
    assert.equal((await ask('PUT', '/a', {})).status, 409);
    const map = 'function (doc) { if (doc.expiresAt) { emit(doc.expiresAt, doc._rev); } }';
    assert.equal((await ask('PUT', '/_design/cache', { views: { expired: { map } } })).status, 201);
    const { rows } = (await ask('GET', '/_design/cache/_view/expired?endkey=1')).body;
    assert.deepEqual([rows[0].id, rows[0].key], ['a', 1]);
    await pouch.stop();
    await gone(request(pouch.url, 'GET', '/'));
  });

  it('ends with its test', async () => {
    const source = `
      require('./pouch.js').startPouch().then(({ url }) => {
        process.stdout.write(url, () => process.kill(process.pid, 'SIGKILL'));
      });
    `;
    const child = spawn(process.execPath, ['-e', source], { cwd: path.join(__dirname, 'support') });
    const url = await text(child.stdout);
    await until('the server is gone', () =>
      request(url, 'GET', '/').then(
        () => false,
        () => true,
      ),
    );
  });
});
