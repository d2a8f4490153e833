// Locks, and what runs under them.

import { Cache, type Lock, type LockResult } from 'ferrocache';

import { typeOf } from './expect.mjs';

const cache = new Cache();

typeOf(await cache.lock('k')).is<Lock>();
const lock: LockResult = await cache.lock('k', '30s');
typeOf(lock.acquired).is<boolean>();
typeOf(lock.token).is<number | null>();
typeOf(await lock.release()).is<boolean>();
typeOf(await lock.extend('1m')).is<boolean>();
await cache.lock('k', {
  ttl: '30s',
  wait: 0,
  retryInterval: 20,
  maxRetries: 0,
  signal: AbortSignal.timeout(1),
});
await using held = await cache.lock('k', { timeout: '30s' });
typeOf(held).is<Lock>();
// @ts-expect-error an unknown option
await cache.lock('k', { retries: 3 });
// @ts-expect-error milliseconds are a number
await cache.lock('k', { retryInterval: '20ms' });
// @ts-expect-error not a duration
await cache.lock('k', 'long');

typeOf(await cache.lockAndRun('k', '30s', async () => 'done')).is<string>();
typeOf(await cache.lockAndRun('k', { ttl: 30 }, () => 1)).is<number>();
await cache.lockAndRun('k', 30, ({ signal, token }) => {
  typeOf(signal).is<AbortSignal>();
  typeOf(token).is<number>();
});
// @ts-expect-error there is nothing to run
await cache.lockAndRun('k', '30s');
