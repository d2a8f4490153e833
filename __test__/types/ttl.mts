// Durations are checked as far as a template type can.

import {
  Cache,
  formatTtl,
  isDurationString,
  parseTtl,
  parseTtlMs,
  type DurationString,
  type TTL,
} from 'ferrocache';

import { typeOf } from './expect.mjs';

const cache = new Cache();
declare const text: string;

await cache.put('k', 1, '30s');
await cache.put('k', 1, '5m');
await cache.put('k', 1, '1h');
await cache.put('k', 1, '1d');
await cache.put('k', 1, '1w');
await cache.put('k', 1, '500ms');
await cache.put('k', 1, '1h 30m');
await cache.put('k', 1, '1d 1h 30m');
await cache.put('k', 1, 'forever');
await cache.put('k', 1, 0.25);
await cache.put('k', 1, Infinity);
await cache.put('k', 1, null);
await cache.put('k', 1, undefined);

// @ts-expect-error an unknown unit
await cache.put('k', 1, '5 parsecs');
// @ts-expect-error an unknown unit
await cache.put('k', 1, '5x');
// @ts-expect-error no number
await cache.put('k', 1, 'm');
// @ts-expect-error no unit
await cache.put('k', 1, '5');
// @ts-expect-error nothing at all
await cache.put('k', 1, '');
// @ts-expect-error a date is no duration
await cache.put('k', 1, new Date());
// @ts-expect-error any string
await cache.put('k', 1, text);
// @ts-expect-error a bigint
await cache.put('k', 1, 5n);

// A string from elsewhere is narrowed first.
if (isDurationString(text)) {
  typeOf(text).is<DurationString>();
  await cache.put('k', 1, text);
}

const ttl: TTL = '1h';
typeOf(parseTtl(ttl)).is<number>();
typeOf(parseTtlMs(60)).is<number>();
typeOf(formatTtl(3600)).is<string>();
// @ts-expect-error an unknown unit
parseTtl('5 parsecs');
// @ts-expect-error seconds are a number
formatTtl('1h');
