'use strict';

// Workers come and go, in the middle of whatever they do: nothing crashes and nothing stays behind.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, test } = require('node:test');
const { run, runFile } = require('../support/child.js');
const { Thread, storeName } = require('../support/threads.js');
require('../support/alive.js');

const MEBIBYTE = 1024 * 1024;

describe('workers', () => {
  test(
    '200 of them opened and terminated in the middle crash nothing and leak nothing',
    { timeout: 150_000 },
    async () => {
      const ended = await runFile(path.join(__dirname, 'churn.js'), {
        args: ['200', '4'],
        flags: ['--expose-gc'],
      });
      assert.equal(ended.hung, false, ended.stderr);
      assert.equal(ended.signal, null, ended.stderr);
      assert.equal(ended.code, 0, ended.stderr);
      assert.equal(ended.stderr, '');
      const { samples, entries, locks, flights } = JSON.parse(ended.stdout);
      const [, warm, last] = samples;
      assert.equal(last.workers, 200);
      assert.deepEqual({ entries, locks, flights }, { entries: 0, locks: 0, flights: 0 });
      assert.ok(last.handles <= warm.handles, `${last.handles} handles after ${warm.handles}`);
      if (warm.threads !== null) {
        assert.ok(last.threads <= warm.threads + 2, `${last.threads} threads after ${warm.threads}`);
      }
      const grown = (last.rss - warm.rss) / MEBIBYTE;
      assert.ok(grown < 40, `100 workers left ${grown.toFixed(1)} MiB behind: ${JSON.stringify(samples)}`);
    },
  );

  for (const hardTimeout of ['30s', 'forever']) {
    test(
      `a worker that only waits for another thread's factory is kept alive until it settles (${hardTimeout})`,
      { timeout: 60_000 },
      async () => {
        const ended = await run(`
        const { Worker } = require('node:worker_threads');
        const { Cache } = require('./index.js');
        const cache = new Cache({ name: 'n', hardTimeout: '${hardTimeout}' });
        const worker = () => new Worker(\`
          const { parentPort } = require('node:worker_threads');
          const { Cache } = require('./index.js');
          const cache = new Cache({ name: 'n', hardTimeout: '${hardTimeout}' });
          cache.remember('k', () => 'own').then((value) => parentPort.postMessage(value));
          cache.has('k').then(() => parentPort.postMessage('asked'));
        \`, { eval: true });
        let finish;
        cache.remember('k', () => new Promise((resolve) => { finish = resolve; })).then((v) => console.log('main', v));
        const seen = [];
        const one = worker();
        one.on('message', (message) => {
          seen.push(message);
          // Long after the worker ran out of statements.
          if (message === 'asked') setTimeout(finish, 200, 'shared');
        });
        one.on('exit', () => console.log(JSON.stringify(seen)));
      `);
        assert.equal(ended.hung, false, ended.stderr);
        assert.equal(ended.stderr, '');
        assert.equal(ended.stdout.trim(), 'main shared\n["asked","shared"]');
        assert.equal(ended.code, 0);
      },
    );
  }

  test(
    'a wait of a cache that nobody else refers to is answered, whatever is collected',
    { timeout: 60_000 },
    async () => {
      const ended = await run(
        `
      const { Worker } = require('node:worker_threads');
      const leader = new Worker(\`
        const { parentPort } = require('node:worker_threads');
        const { Cache } = require('./index.js');
        const cache = new Cache({ name: 'n', hardTimeout: 'forever' });
        cache.remember('k', () => new Promise((resolve) => parentPort.once('message', resolve)));
        parentPort.postMessage('leads');
      \`, { eval: true });
      leader.once('message', () => {
        ask().then(console.log);
        setImmediate(() => { gc(); setImmediate(() => { gc(); leader.postMessage('shared'); }); });
      });
      function ask() {
        const { Cache } = require('./index.js');
        return new Cache({ name: 'n', hardTimeout: 'forever' }).remember('k', () => 'own');
      }
      `,
        { flags: ['--expose-gc'] },
      );
      assert.equal(ended.hung, false, ended.stderr);
      assert.equal(ended.stderr, '');
      assert.equal(ended.stdout.trim(), 'shared');
    },
  );

  test('a worker with an idle cache ends by itself', { timeout: 60_000 }, async () => {
    const ended = await run(`
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(\`
        const { Cache } = require('./index.js');
        const cache = new Cache({ name: 'n' });
        cache.on('expire', () => {});
        cache.put('k', 1, '1h').then(() => cache.lock('l', '1h'));
      \`, { eval: true });
      worker.on('exit', (code) => console.log('exit', code));
    `);
    assert.equal(ended.hung, false, ended.stderr);
    assert.equal(ended.stdout.trim(), 'exit 0');
    assert.equal(ended.stderr, '');
  });

  test(
    'an addon that is loaded in workers alone, one after another, works in each',
    { timeout: 60_000 },
    async () => {
      const ended = await run(`
      const { Worker } = require('node:worker_threads');
      (async () => {
        for (let i = 0; i < 10; i += 1) {
          await new Promise((resolve, reject) => {
            const worker = new Worker(\`
              const { parentPort } = require('node:worker_threads');
              const { Cache } = require('./index.js');
              (async () => {
                const cache = new Cache({ name: 'n' });
                await cache.put('k', [1n]);
                parentPort.postMessage(String((await cache.get('k'))[0] + await cache.remember('r', () => 1n)));
              })();
            \`, { eval: true });
            worker.on('message', (value) => process.stdout.write(value));
            worker.on('error', reject);
            worker.on('exit', resolve);
          });
        }
        console.log();
      })();
    `);
      assert.equal(ended.stderr, '');
      assert.equal(ended.stdout.trim(), '2'.repeat(10));
      assert.equal(ended.code, 0);
    },
  );

  test('a store of a name is gone when its last worker is', { timeout: 60_000 }, async () => {
    const name = storeName('gone');
    const first = await Thread.open({ name, config: { maxSize: 5 } });
    await first.call('put', 'k', 1);
    await first.terminate();
    const second = await Thread.open({ name, config: { maxSize: 6 } });
    assert.equal(await second.call('get', 'k'), null);
    await second.terminate();
  });

  test('the main thread may end while workers are busy', { timeout: 60_000 }, async () => {
    const worker = path.join(__dirname, 'churn-worker.js');
    const ended = await run(`
      const { Worker } = require('node:worker_threads');
      let busy = 0;
      for (let id = 0; id < 3; id += 1) {
        new Worker(${JSON.stringify(worker)}, { workerData: { name: 'n', id } }).on('message', () => {
          busy += 1;
          if (busy === 3) { console.log('leaving'); process.exit(0); }
        });
      }
    `);
    assert.equal(ended.hung, false, ended.stderr);
    assert.equal(ended.signal, null, ended.stderr);
    assert.equal(ended.stdout.trim(), 'leaving');
    assert.equal(ended.stderr, '');
    assert.equal(ended.code, 0);
  });
});
