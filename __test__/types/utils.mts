// The second entry of the package: durations, without the cache.

import { formatTtl, isDurationString, parseTtl, parseTtlMs, type TTL } from 'ferrocache/utils';

import { typeOf } from './expect.mjs';

const ttl: TTL = '1h';
typeOf(parseTtl(ttl)).is<number>();
typeOf(parseTtlMs('1h 30m')).is<number>();
typeOf(formatTtl(60)).is<string>();
typeOf(isDurationString('1h')).is<boolean>();
// @ts-expect-error an unknown unit
parseTtl('5 parsecs');
