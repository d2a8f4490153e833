'use strict';

// A process ends by itself when nothing is asked any more, whatever its connections do.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { run } = require('../../support/child.js');
const { SECRET, USER } = require('../../support/outages/watch.js');
const { freePort } = require('../../support/ports.js');
const { startFake } = require('../support/fake.js');
require('../../support/alive.js');

const LIMIT = 15_000;
const users = { [USER]: { password: SECRET, role: /** @type {const} */ ('admin') } };
let server;
let silent;

before(async () => {
  server = await startFake({ users });
  silent = await startFake({ users });
  silent.faults.stall();
});
after(async () => {
  await server?.stop();
  await silent?.stop();
});

const nowhere = async () => `http://${USER}:${encodeURIComponent(SECRET)}@127.0.0.1:${await freePort()}`;

/** Runs a program with a cache on `url`; what it printed, how long it ran after it was done, and its end. */
async function program(url, body, { config = {}, failOpen = true } = {}) {
  const options = {
    driver: 'couchdb',
    failOpen,
    config: { url, commandTimeout: '1s', connectTimeout: '2s', reconnectDelay: '20ms', ...config },
  };
  const source = `
    const { Cache } = require('./index.js');
    const cache = new Cache(${JSON.stringify(options)});
    const say = (text) => process.stdout.write(text + '\\n');
    let done = performance.now();
    process.on('exit', () => say('after ' + Math.round(performance.now() - done)));
    (async () => { ${body}; done = performance.now(); })();
  `;
  const ended = await run(source, { limit: LIMIT });
  const { code, hung, stderr, stdout } = ended;
  assert.equal(hung, false, `it did not end: ${stdout}${stderr}`);
  assert.ok(!`${stdout}${stderr}`.includes(SECRET), 'a password is shown');
  const lines = stdout.trim().split('\n');
  const late = Number(/^after (\d+)$/.exec(lines.pop() ?? '')?.[1]);
  return { code, stderr, lines, late };
}

const hear = `cache.on('error', () => {}); cache.on('connect', () => {}); cache.on('disconnect', () => {})`;

test('with an idle cache that was used', async () => {
  const { code, stderr, lines, late } = await program(
    server.url,
    `${hear}; await cache.put('key', 1, '1m'); say(String(await cache.get('key')))`,
  );
  assert.deepEqual([code, stderr, lines], [0, '', ['1']]);
  assert.ok(late < 500, `it ended ${late} ms after it was done`);
});

test('with an idle cache that was never used', async () => {
  const { code, late } = await program(server.url, hear);
  assert.equal(code, 0);
  assert.ok(late < 500);
});

test('with an idle cache that sweeps every second', async () => {
  const { code, late } = await program(server.url, `${hear}; await cache.put('key', 1, '1m')`, {
    config: { sweep: '1s' },
  });
  assert.equal(code, 0);
  assert.ok(late < 500);
});

test('with a cache whose server is away', async () => {
  const { code, stderr, lines, late } = await program(
    await nowhere(),
    `${hear}; say(String(await cache.get('key'))); say(await cache.remember('key', '1m', () => 'made'))`,
  );
  assert.deepEqual([code, stderr, lines], [0, '', ['null', 'made']]);
  assert.ok(late < 500, `it ended ${late} ms after it was done`);
});

test('with a cache whose server does not answer', async () => {
  const { code, lines, late } = await program(silent.url, `${hear}; say(String(await cache.get('key')))`);
  assert.deepEqual([code, lines], [0, ['null']]);
  assert.ok(late < 500, `it ended ${late} ms after it was done`);
});

test('with a cache whose server refuses the user', async () => {
  const { code, lines, late } = await program(
    server.url.replace(/:[^:@]*@/, ':wrong@'),
    `${hear}; say(String(await cache.get('key')))`,
  );
  assert.deepEqual([code, lines], [0, ['null']]);
  assert.ok(late < 500, `it ended ${late} ms after it was done`);
  server.auth.unlock();
});

test('with a cache whose server went away', async (t) => {
  const passing = await startFake({ users }, t);
  const asked = program(
    passing.url,
    `${hear}
     await cache.put('key', 1, '1m');
     const gone = new Promise((resolve) => cache.on('disconnect', resolve));
     const wait = setTimeout(() => {}, 10_000);
     while ((await cache.stats()).connection.state === 'up') await cache.get('key');
     await gone;
     clearTimeout(wait);
     say('gone')`,
  );
  await passing.seen(({ path }) => path.endsWith('/_bulk_get'));
  passing.refuse();
  passing.dropConnections();
  const { code, lines, late } = await asked;
  assert.deepEqual([code, lines], [0, ['gone']]);
  assert.ok(late < 500, `it ended ${late} ms after it was done`);
});

test('only after a pending operation was answered', async () => {
  const { code, lines } = await program(
    server.url,
    `${hear}; cache.put('one', 1, '1m').then(() => say('put')); cache.increment('n').then(() => say('counted'))`,
  );
  assert.equal(code, 0);
  assert.deepEqual(lines.sort(), ['counted', 'put']);
});

test('only after a pending operation reached its deadline', async () => {
  const { code, lines } = await program(
    silent.url,
    `cache.increment('n').then(() => say('counted'), ({ code }) => say(code));
     cache.get('n').then((value) => say(String(value)), ({ code }) => say(code))`,
    { failOpen: false },
  );
  assert.equal(code, 0);
  assert.deepEqual(lines, ['CACHE_TIMEOUT', 'CACHE_TIMEOUT']);
});

test('after it closed a cache whose server does not answer, within the time-out', async () => {
  const { code, lines, late } = await program(
    silent.url,
    `${hear}
     void cache.lock('name').catch(() => {});
     const started = performance.now();
     await new Promise((resolve) => setTimeout(resolve, 50));
     await cache.close();
     say(String(performance.now() - started < 1500))`,
  );
  assert.deepEqual([code, lines], [0, ['true']]);
  assert.ok(late < 1200, `it ended ${late} ms after it was done`);
});

test('a warning is said once, and names no password, where nobody listens', async () => {
  const { code, stderr } = await program(
    await nowhere(),
    `for (let n = 0; n < 10; n++) await cache.get('key')`,
  );
  assert.equal(code, 0);
  assert.equal(stderr.match(/CacheWarning/g)?.length, 1, stderr);
});
