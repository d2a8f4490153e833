/**
 * Types `ctx.cache` in VeloxTS procedures. An entry of its own, because it needs `@veloxts/core`:
 *
 * ```ts
 * import type {} from 'ferrocache/veloxts';
 * ```
 *
 * @packageDocumentation
 */

import type { Cache, CacheNamespaces } from './index.js';

declare module '@veloxts/core' {
  interface BaseContext {
    /** The app's cache; see `cachePlugin`. */
    cache: Cache & CacheNamespaces;
  }
}

export {};
