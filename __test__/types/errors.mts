// Error codes are literals that narrow.

import {
  CacheArgumentError,
  CacheClosedError,
  CacheError,
  CacheLockError,
  CacheTimeoutError,
  type CacheErrorCode,
} from 'ferrocache';

import { typeOf } from './expect.mjs';

declare const thrown: unknown;

if (thrown instanceof CacheError) {
  typeOf(thrown.code).is<CacheErrorCode>();
  if (thrown.code === 'CACHE_TIMEOUT') typeOf(thrown.code).is<'CACHE_TIMEOUT'>();
  // @ts-expect-error there is no such code
  if (thrown.code === 'CACHE_TIMED_OUT') typeOf(thrown.message).is<string>();
}
if (thrown instanceof CacheTimeoutError) typeOf(thrown.code).is<'CACHE_TIMEOUT'>();
if (thrown instanceof CacheClosedError) typeOf(thrown.code).is<'CACHE_CLOSED'>();
if (thrown instanceof CacheLockError) typeOf(thrown.code).is<'CACHE_LOCK_TIMEOUT' | 'CACHE_LOCK_LOST'>();
if (thrown instanceof CacheArgumentError && thrown.code === 'CACHE_CONFIG') {
  typeOf(thrown.code).is<'CACHE_CONFIG'>();
}

typeOf(new CacheError('CACHE_INTERNAL', 'message').code).is<'CACHE_INTERNAL'>();
const error: Error = new CacheError('CACHE_UNAVAILABLE', 'message', { cause: thrown });
typeOf(error.cause).is<unknown>();
// @ts-expect-error there is no such code
new CacheError('CACHE_BROKEN', 'message');
// @ts-expect-error a code of another class
new CacheLockError('CACHE_CLOSED', 'message');
// @ts-expect-error a code cannot be changed
new CacheError('CACHE_INTERNAL', 'message').code = 'CACHE_INTERNAL';

/** A switch over the codes is exhaustive: a new code fails to compile here, and goes into the README. */
export function isArgument(code: CacheErrorCode): boolean {
  switch (code) {
    case 'CACHE_CONFIG':
    case 'CACHE_INVALID_KEY':
    case 'CACHE_INVALID_TTL':
    case 'CACHE_INVALID_VALUE':
    case 'CACHE_INVALID_TAG':
    case 'CACHE_INVALID_ARGUMENT':
      return true;
    case 'CACHE_NOT_A_NUMBER':
    case 'CACHE_NUMBER_RANGE':
    case 'CACHE_FACTORY':
    case 'CACHE_TIMEOUT':
    case 'CACHE_UNAVAILABLE':
    case 'CACHE_LOCK_TIMEOUT':
    case 'CACHE_LOCK_LOST':
    case 'CACHE_CLOSED':
    case 'CACHE_CORRUPT':
    case 'CACHE_PLUGIN':
    case 'CACHE_NATIVE':
    case 'CACHE_INTERNAL':
      return false;
    default:
      return code satisfies never;
  }
}
