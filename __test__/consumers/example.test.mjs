// The Fastify example as `npm start` runs it, in memory and on Redis.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { root } from '../../scripts/project.mjs';

const require = createRequire(import.meta.url);
const { freePort, host } = require('../support/ports.js');
const { connect } = require('../redis/support/resp.js');
const { until } = require('../support/wait.js');

const LIMIT = { timeout: 60_000 };
// There is no Redis for Windows, and no signal that a program could end cleanly on.
const POSIX = { ...LIMIT, skip: process.platform === 'win32' };

// What is left of `npm start` when everything is installed and built.
const START = `
  import { example } from './scripts/example.mjs';
  process.exitCode = await example(process.argv.slice(1));
`;

/** Starts the example and resolves when it listens; it is stopped with the test at the latest. */
async function start(t, { args = [], redisUrl = '' } = {}) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', START, '--', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...{ PORT: '0', REDIS_URL: redisUrl, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
      // Under npm it stops when its parent is gone: here, when this test is killed.
      npm_lifecycle_event: 'start',
    },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const ended = new Promise((resolve) => {
    child.on('close', resolve);
  });
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const found = await until('the example listens', () => {
    assert.equal(child.exitCode, null, output);
    return /listens on (\S+) \(driver: (\w+)\)[^]*Ctrl\+C/.exec(output);
  });
  const [, address, driver] = found;
  const url = /REDIS_URL=(\S+)/.exec(output)?.[1];
  return {
    driver,
    url,
    ask: async (path, method = 'GET') => {
      const response = await fetch(`${address}${path}`, { method });
      return { status: response.status, ...(await response.json()) };
    },
    /** Resolves to the exit code. */
    interrupt: () => {
      child.kill('SIGINT');
      return ended;
    },
    stopped: () => output.includes('Stopped.'),
  };
}

const answers = async (url) => {
  const { port } = new URL(url);
  const client = await connect({ host, port: Number(port), limit: 1000 });
  client.close();
  return true;
};

test('the example runs in memory if nothing else is said', POSIX, async (t) => {
  const app = await start(t);
  assert.equal(app.driver, 'memory');
  assert.equal((await app.ask('/views/home', 'POST')).views, 1);
  assert.equal(await app.interrupt(), 0);
  assert.ok(app.stopped());
});

test(
  'two examples on one Redis are one cache, and the server goes with the one that brought it',
  POSIX,
  async (t) => {
    const first = await start(t, { args: ['--redis'] });
    assert.ok(await answers(first.url));
    const second = await start(t, { redisUrl: first.url });
    assert.deepEqual([first.driver, second.driver], ['redis', 'redis']);

    const { user, lookups } = await first.ask('/users/1');
    assert.equal(lookups, 1);
    const again = await second.ask('/users/1');
    assert.deepEqual([again.user, again.lookups], [user, 0]);
    assert.equal((await first.ask('/views/home', 'POST')).views, 1);
    assert.equal((await second.ask('/views/home', 'POST')).views, 2);
    await second.ask('/users', 'DELETE');
    assert.notEqual((await first.ask('/users/1')).user.readAt, user.readAt);

    const payments = await Promise.all([first, second].map((app) => app.ask('/payments/7', 'POST')));
    assert.deepEqual(payments.map(({ status }) => status).sort(), [200, 409]);

    assert.equal(await second.interrupt(), 0);
    assert.ok(await answers(first.url));
    assert.equal(await first.interrupt(), 0);
    assert.ok(first.stopped() && second.stopped());
    await assert.rejects(answers(first.url));
  },
);

test(
  'REDIS_URL goes before a server of its own, and the example runs while that one is away',
  POSIX,
  async (t) => {
    const redisUrl = `redis://${host}:${await freePort()}`;
    const app = await start(t, { args: ['--redis'], redisUrl });
    assert.deepEqual([app.driver, app.url], ['redis', undefined]);
    assert.equal((await app.ask('/users/1')).lookups, 1);
    assert.equal((await app.ask('/views/home', 'POST')).code, 'CACHE_UNAVAILABLE');
    assert.equal(await app.interrupt(), 0);
  },
);
