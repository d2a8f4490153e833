'use strict';

// A cache never keeps a process alive by being there; what is asked of it does, until it is answered.
// Each case is a real process, from CommonJS and from an ES module.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { run } = require('../support/child.js');

const LIMIT = { timeout: 60_000 };

/** Programs, with what they must print. Each ends by itself after its last statement. */
const programs = {
  'that made a cache and did nothing': ['new Cache(); console.log("end");', 'end'],
  'that opened every kind of store': [
    `new Cache({ name: 'n' }); new Cache({ name: 'n' }); new Cache({ clock: 'manual' });
     new Cache({ config: { maxSize: 5, policy: 'tinylfu' } }); console.log('end');`,
    'end',
  ],
  'that left values of every life behind': [
    `const cache = new Cache();
     await cache.put('a', 1); await cache.put('b', 1, Infinity); await cache.put('c', 1, '1s');
     await cache.tags(['t']).put('d', 1); console.log(await cache.get('a'));`,
    '1',
  ],
  'that listens to every event': [
    `const cache = new Cache();
     for (const name of ['hit', 'miss', 'write', 'delete', 'clear', 'evict', 'expire', 'stale', 'refresh',
       'invalidate', 'lock', 'error', 'connect', 'disconnect']) cache.on(name, () => {});
     await cache.put('a', 1, '1h'); console.log(await cache.get('a'));`,
    '1',
  ],
  'that holds a lock': [
    `const lock = await new Cache().lock('l', '1h'); console.log(lock.acquired);`,
    'true',
  ],
  'that closed its cache': [
    `const cache = new Cache(); await cache.put('a', 1); await cache.close(); console.log('closed');`,
    'closed',
  ],
  'that stopped in the middle of a listing': [
    `const cache = new Cache(); await cache.putMany({ a: 1, b: 2 });
     for await (const key of cache.keys()) { console.log(typeof key); break; }`,
    'string',
  ],
  'that remembered': [
    `const cache = new Cache(); console.log(await cache.remember('k', '1h', () => 'computed'));`,
    'computed',
  ],
  'whose factory works for a while': [
    `const { setTimeout: sleep } = await import('node:timers/promises');
     const cache = new Cache();
     console.log(await cache.remember('k', '1h', async () => { await sleep(50); return 'computed'; }));`,
    'computed',
  ],
  'whose last statement is a remember that nobody awaits': [
    `const { setTimeout: sleep } = await import('node:timers/promises');
     const cache = new Cache();
     cache.remember('k', '1h', async () => { await sleep(50); return 'computed'; }).then(console.log);`,
    'computed',
  ],
  'whose factory fails, and is caught': [
    `const cache = new Cache();
     await cache.remember('k', () => Promise.reject(new Error('no'))).catch((e) => console.log(e.message));`,
    'no',
  ],
  'whose factory misses its deadline': [
    `const cache = new Cache({ hardTimeout: '50ms' });
     await cache.remember('k', () => new Promise(() => {})).catch((e) => console.log(e.code));`,
    'CACHE_TIMEOUT',
  ],
  'that waits for a lock it does not get': [
    `const cache = new Cache(); await cache.lock('l', '1h');
     const second = await cache.lock('l', { wait: '100ms' }); console.log(second.acquired);`,
    'false',
  ],
  'that waits for a lock that is freed': [
    `const cache = new Cache(); const first = await cache.lock('l', '1h');
     setTimeout(() => first.release(), 50);
     const second = await cache.lock('l', { wait: '20s', maxRetries: 1e6 }); console.log(second.acquired);`,
    'true',
  ],
  'that waits for a lock that expires': [
    `const cache = new Cache(); await cache.lock('l', '100ms');
     const second = await cache.lock('l', { wait: '20s', maxRetries: 1e6 }); console.log(second.acquired);`,
    'true',
  ],
  'that ran under a lock': [
    `const cache = new Cache(); console.log(await cache.lockAndRun('l', '1h', () => 'ran'));`,
    'ran',
  ],
  'that serves a stale value and refreshes behind it': [
    `const cache = new Cache({ clock: 'manual' }); const options = { ttl: '1s', grace: '1h', timeout: 0 };
     await cache.remember('k', options, () => 'old'); cache.clock.advance('2s');
     console.log(await cache.remember('k', options, () => 'new'));`,
    'old',
  ],
  'that used two caches of one name': [
    `const [a, b] = [new Cache({ name: 'n' }), new Cache({ name: 'n' })];
     await a.put('k', 1); console.log(await b.get('k')); await a.close(); console.log(await b.get('k'));`,
    '1\n1',
  ],
  'that ends by process.exit with everything open': [
    `const cache = new Cache({ name: 'n' }); await cache.lock('l', '1h'); await cache.put('k', 1);
     cache.remember('r', () => new Promise(() => {})); cache.lock('l', { wait: '1h' });
     console.log('leaving'); process.exit(0);`,
    'leaving',
  ],
};

const load = {
  CommonJS: (body) => `const { Cache } = require('./index.js'); (async () => { ${body} })();`,
  'ES modules': (body) => `import { Cache } from './index.js'; ${body}`,
};

for (const [kind, wrap] of Object.entries(load)) {
  describe(`a process of ${kind} ends by itself`, { concurrency: 2 }, () => {
    for (const [name, [body, printed]] of Object.entries(programs)) {
      test(name, LIMIT, async () => {
        const ended = await run(wrap(body), { esm: kind === 'ES modules' });
        assert.equal(ended.hung, false, `it did not end; it printed ${ended.stdout}${ended.stderr}`);
        assert.equal(ended.stderr, '');
        assert.equal(ended.stdout.trim(), printed);
        assert.equal(ended.code, 0);
        assert.equal(ended.signal, null);
      });
    }
  });
}

describe('a process that does not look after its cache', () => {
  const prelude = `const { Cache } = require('./index.js');`;

  test('is not crashed by a listener that throws: it is warned once', LIMIT, async () => {
    const ended = await run(`${prelude}
      const cache = new Cache();
      cache.on('write', () => { throw new Error('from the listener'); });
      (async () => { for (let i = 0; i < 5; i += 1) await cache.put('k', i); console.log(await cache.get('k')); })();`);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout.trim(), '4');
    assert.equal(ended.stderr.split('from the listener').length - 1, 1, ended.stderr);
  });

  test('is not crashed by an error listener that throws', LIMIT, async () => {
    const ended = await run(`${prelude}
      const cache = new Cache();
      cache.on('write', () => { throw new Error('first'); });
      cache.on('error', () => { throw new Error('second'); });
      (async () => { await cache.put('k', 1); await cache.put('k', 2); console.log(await cache.get('k')); })();`);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout.trim(), '2');
  });

  test('is not crashed by a background refresh that fails', LIMIT, async () => {
    const ended = await run(`${prelude}
      const cache = new Cache({ clock: 'manual' });
      const options = { ttl: '1s', grace: '1h', timeout: 0 };
      (async () => {
        await cache.remember('k', options, () => 'old');
        cache.clock.advance('2s');
        console.log(await cache.remember('k', options, () => Promise.reject(new Error('no'))));
      })();`);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout.trim(), 'old');
  });

  test('is not crashed by a factory that fails after its deadline', LIMIT, async () => {
    const ended = await run(`${prelude}
      const cache = new Cache({ hardTimeout: '20ms' });
      (async () => {
        const late = new Promise((_, reject) => setTimeout(reject, 100, new Error('late')));
        await cache.remember('k', () => late).catch((e) => console.log(e.code));
      })();`);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout.trim(), 'CACHE_TIMEOUT');
  });
});
