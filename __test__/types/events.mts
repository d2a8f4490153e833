// Each event carries its own data.

import { Cache, type CacheEventName, type CacheEvents, type CacheListener, type CacheTier } from 'ferrocache';

import { typeOf } from './expect.mjs';

const cache = new Cache();

typeOf(
  cache.on('hit', (event) => {
    typeOf(event.key).is<string>();
    typeOf(event.value).is<unknown>();
    typeOf(event.tier).is<CacheTier>();
    typeOf(event.durationMs).is<number>();
  }),
).is<Cache>();
cache.once('write', ({ ttl, tags }) => {
  typeOf(ttl).is<number>();
  typeOf(tags).is<readonly string[]>();
});
cache.on('evict', ({ reason }) => typeOf(reason).is<'size' | 'too-large'>());
cache.on('error', ({ error, key }) => {
  typeOf(error).is<Error>();
  typeOf(key).is<string | undefined>();
});
cache.on('connect', ({ driver }) => typeOf(driver).is<'memory' | 'redis' | 'couchdb' | 'tiered'>());
cache.on('disconnect', ({ reason }) => typeOf(reason).is<string | undefined>());
cache.addListener('lock', ({ token }) => typeOf(token).is<number | null>());
cache.on('clear', async ({ namespace }) => typeOf(namespace).is<string>());

const listener: CacheListener<'miss'> = ({ key }) => typeOf(key).is<string>();
cache.on('miss', listener).off('miss', listener).removeListener('miss', listener);
typeOf(cache.listenerCount('miss')).is<number>();

// @ts-expect-error there is no such event
cache.on('hits', () => {});
// @ts-expect-error a miss has no value
cache.on('miss', ({ value }) => typeOf(value).is<unknown>());
// @ts-expect-error a listener of another event
cache.on('clear', listener);
// @ts-expect-error there is no such event
cache.listenerCount('hits');

/** A listener for whatever event stays generic. */
export function forward<E extends CacheEventName>(
  name: E,
  to: (name: E, event: CacheEvents[E]) => void,
): void {
  cache.on(name, (event) => {
    to(name, event);
  });
}
