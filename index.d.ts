/**
 * ferrocache: one cache for Fastify and VeloxTS apps, with a Rust core.
 *
 * Every method that touches the cache returns a promise; bad arguments reject it (they never throw
 * synchronously, never crash the process and never lose stored data).
 *
 * @packageDocumentation
 */

/// <reference types="node" />

// ---------------------------------------------------------------------------------------------
// Durations
// ---------------------------------------------------------------------------------------------

/** A unit of a {@link DurationString}. */
export type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w';

/**
 * A human-readable duration: `'500ms'`, `'30s'`, `'5m'`, `'1h'`, `'1d'`, `'1w'`, or several parts
 * separated by one space: `'1h 30m'`. The grammar is that of the Rust crate `humantime`.
 */
export type DurationString =
  | `${number}${DurationUnit}`
  | `${number}${DurationUnit} ${number}${DurationUnit}`
  | `${number}${DurationUnit} ${number}${DurationUnit} ${number}${DurationUnit}`;

/**
 * How long a value lives.
 *
 * - a number is **seconds**; fractions count to the millisecond (`0.25` is 250 ms);
 * - a string is a {@link DurationString};
 * - `Infinity` or `'forever'`: until it is removed or evicted;
 * - `null` or `undefined`: the cache's default (`'1h'` unless configured);
 * - `0` or less: the key is removed instead of written.
 *
 * Anything else rejects with `CACHE_INVALID_TTL`.
 */
export type TTL = number | DurationString | 'forever';

/**
 * The duration in seconds; fractions count to the millisecond.
 *
 * @throws {@link CacheError} `CACHE_INVALID_TTL`
 */
export function parseTtl(ttl: TTL): number;

/**
 * The duration in milliseconds.
 *
 * @throws {@link CacheError} `CACHE_INVALID_TTL`
 */
export function parseTtlMs(ttl: TTL): number;

/** Seconds as the shortest {@link DurationString} of one unit: `formatTtl(3600)` is `'1h'`. */
export function formatTtl(seconds: number): string;

/** Whether `value` is a {@link DurationString} (`'forever'` is none: it has no end to compute with). */
export function isDurationString(value: unknown): value is DurationString;

// ---------------------------------------------------------------------------------------------
// Errors
// ---------------------------------------------------------------------------------------------

/**
 * What went wrong, as a literal that code can compare.
 *
 * - `CACHE_CONFIG`: an option is unknown, mistyped or contradicts another.
 * - `CACHE_INVALID_KEY`: a key that is not a string, is over 1 MiB, or holds a lone surrogate.
 * - `CACHE_INVALID_TTL`: see {@link TTL}.
 * - `CACHE_INVALID_VALUE`: a value that cannot be stored (a function, a symbol, a throwing getter; over
 *   `maxValueBytes` on Redis and CouchDB).
 * - `CACHE_INVALID_TAG`: tags that are not an array of non-empty strings.
 * - `CACHE_INVALID_ARGUMENT`: any other argument of the wrong type.
 * - `CACHE_NOT_A_NUMBER`: a counter step on a value that is no number.
 * - `CACHE_NUMBER_RANGE`: a counter would leave ±(2^53 − 1) and lose precision.
 * - `CACHE_FACTORY`: a factory rejected with something that is no `Error` (it is the `cause`).
 * - `CACHE_TIMEOUT`: a deadline passed: a factory's, or an operation's.
 * - `CACHE_UNAVAILABLE`: the backend cannot be reached, refuses, or too many requests wait for it.
 * - `CACHE_LOCK_TIMEOUT`: a lock was not had within its bound.
 * - `CACHE_LOCK_LOST`: a held lock expired or was taken over while its callback ran.
 * - `CACHE_CLOSED`: the cache was used after `close()`.
 * - `CACHE_CORRUPT`: a stored value that cannot be decoded (an `error` event; the read is a miss).
 * - `CACHE_PLUGIN`: the Fastify plugin cannot be registered as asked.
 * - `CACHE_NATIVE`: the native binding is missing for this platform.
 * - `CACHE_INTERNAL`: a defect of this library; please report it.
 */
export type CacheErrorCode =
  | 'CACHE_CONFIG'
  | 'CACHE_INVALID_KEY'
  | 'CACHE_INVALID_TTL'
  | 'CACHE_INVALID_VALUE'
  | 'CACHE_INVALID_TAG'
  | 'CACHE_INVALID_ARGUMENT'
  | 'CACHE_NOT_A_NUMBER'
  | 'CACHE_NUMBER_RANGE'
  | 'CACHE_FACTORY'
  | 'CACHE_TIMEOUT'
  | 'CACHE_UNAVAILABLE'
  | 'CACHE_LOCK_TIMEOUT'
  | 'CACHE_LOCK_LOST'
  | 'CACHE_CLOSED'
  | 'CACHE_CORRUPT'
  | 'CACHE_PLUGIN'
  | 'CACHE_NATIVE'
  | 'CACHE_INTERNAL';

/**
 * Every error that this library makes. An error thrown by your own factory or callback is never
 * wrapped: it reaches you as the same object.
 *
 * `instanceof` holds across copies of the package (CommonJS and ESM, nested installs).
 */
export class CacheError<Code extends CacheErrorCode = CacheErrorCode> extends Error {
  static [Symbol.hasInstance](value: unknown): value is CacheError;
  constructor(code: Code, message: string, options?: { cause?: unknown });
  readonly name: string;
  /** What went wrong. */
  readonly code: Code;
}

/** A deadline passed (`CACHE_TIMEOUT`). */
export class CacheTimeoutError extends CacheError<'CACHE_TIMEOUT'> {
  static [Symbol.hasInstance](value: unknown): value is CacheTimeoutError;
  constructor(message: string, options?: { cause?: unknown });
}
/** The cache was used after `close()` (`CACHE_CLOSED`). */
export class CacheClosedError extends CacheError<'CACHE_CLOSED'> {
  static [Symbol.hasInstance](value: unknown): value is CacheClosedError;
  constructor(message: string, options?: { cause?: unknown });
}
/** A lock was not had in time, or was lost (`CACHE_LOCK_TIMEOUT`, `CACHE_LOCK_LOST`). */
export class CacheLockError extends CacheError<'CACHE_LOCK_TIMEOUT' | 'CACHE_LOCK_LOST'> {
  static [Symbol.hasInstance](value: unknown): value is CacheLockError;
  constructor(code: 'CACHE_LOCK_TIMEOUT' | 'CACHE_LOCK_LOST', message: string, options?: { cause?: unknown });
}
/** An option or an argument is wrong; nothing was done. */
export class CacheArgumentError extends CacheError<
  | 'CACHE_CONFIG'
  | 'CACHE_INVALID_KEY'
  | 'CACHE_INVALID_TTL'
  | 'CACHE_INVALID_VALUE'
  | 'CACHE_INVALID_TAG'
  | 'CACHE_INVALID_ARGUMENT'
> {
  static [Symbol.hasInstance](value: unknown): value is CacheArgumentError;
  constructor(
    code:
      | 'CACHE_CONFIG'
      | 'CACHE_INVALID_KEY'
      | 'CACHE_INVALID_TTL'
      | 'CACHE_INVALID_VALUE'
      | 'CACHE_INVALID_TAG'
      | 'CACHE_INVALID_ARGUMENT',
    message: string,
    options?: { cause?: unknown },
  );
}

// ---------------------------------------------------------------------------------------------
// Options
// ---------------------------------------------------------------------------------------------

/** The storage behind a cache. */
export type CacheDriver = 'memory' | 'redis' | 'couchdb' | 'tiered';

/** The name of the memory driver. */
export const MEMORY_DRIVER: 'memory';
/** The name of the Redis driver. */
export const REDIS_DRIVER: 'redis';
/** The name of the CouchDB driver. */
export const COUCHDB_DRIVER: 'couchdb';
/** The name of the tiered driver. */
export const TIERED_DRIVER: 'tiered';

/** Which entry goes first when a bound is reached. */
export type EvictionPolicy = 'lru' | 'tinylfu';

/** What a reader gets of a value that others read too. */
export type Isolation = 'copy' | 'frozen';

/** Bounds of the hot tier, for each thread that opened the cache. */
export interface HotTierConfig {
  /** Most values kept decoded. @default 16384, and no more than `maxSize` */
  maxEntries?: number | undefined;
  /** Most bytes on the JavaScript heap, as estimated from the length of the JSON text. @default a quarter of `maxSizeBytes` */
  maxBytes?: number | undefined;
}

/** `config` of the memory driver. */
export interface MemoryConfig {
  /**
   * Most entries held.
   * @default no bound of its own: `maxSizeBytes` holds
   */
  maxSize?: number | undefined;
  /**
   * Most bytes held: keys, values and the measured overhead of an entry (see docs/memory.md).
   * @default 67108864 (64 MiB)
   */
  maxSizeBytes?: number | undefined;
  /**
   * `'lru'`: the least recently used entry goes first. `'tinylfu'`: those asked for least often go first, and a new
   * entry is soon one of them unless it is asked for more often than what it would displace; better where what is
   * popular stays so, and on loops and scans (docs/memory.md).
   * @default 'lru'
   */
  policy?: EvictionPolicy | undefined;
  /**
   * The hot tier: decoded values of the keys that are read most, kept by each thread that opened the cache, so that a
   * hit needs neither the core nor a decoder. Never out of date: see docs/memory.md. `false` keeps none.
   */
  hot?: false | HotTierConfig | undefined;
  /**
   * What a reader gets of a plain value (what JSON holds). `'copy'`: a value of its own. `'frozen'`: a deeply frozen
   * one, which all readers may share; changing it throws. Anything else (a Map, a Date, a Buffer) is decoded for each
   * reader and is his own.
   * @default 'copy'
   */
  isolation?: Isolation | undefined;
  /** Overrides the top-level `defaultTtl`. */
  defaultTtl?: TTL | undefined;
  /** Overrides the top-level `prefix`. */
  prefix?: string;
}

/** Alias of {@link MemoryConfig} with its driver, as `@veloxts/cache` names it. */
export interface MemoryCacheConfig extends MemoryConfig {
  driver: 'memory';
}

/** A server: `{ host, port }`, `'host:port'` (`'[::1]:6379'` for IPv6), or a URL. */
export type RedisNode = string | { host: string; port?: number | undefined };

/** How a TLS connection is made. Certificates and keys are PEM: the content of the file, not its name. */
export interface RedisTls {
  /** Who is trusted to sign the server's certificate. @default Mozilla's certificate authorities, which are compiled in */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's certificate; with `key`. */
  cert?: string | Uint8Array | undefined;
  /** The key of the client's certificate; with `cert`. */
  key?: string | Uint8Array | undefined;
  /** The name that the server's certificate must have. @default the host */
  servername?: string | undefined;
  /**
   * `false` accepts any certificate: whoever is on the way can then read and change everything.
   * @default true
   */
  rejectUnauthorized?: boolean | undefined;
}

/**
 * `config` of the Redis driver. Redis 6.2 or newer, or Valkey.
 *
 * Where it is said by one of `url`, `host` and `port`, `path`, `cluster` and `sentinel`. A message never repeats
 * a URL or a password.
 */
export interface RedisConfig {
  /**
   * `redis://user:password@host:6379/0`, `rediss://…` (TLS) or `unix:///path/to/redis.sock?db=0`; also
   * `valkey://` and `valkeys://`. What is no letter or digit in a user name or a password is percent-encoded.
   */
  url?: string | undefined;
  /** A host name or an address. @default '127.0.0.1' */
  host?: string | undefined;
  /** From 1 to 65,535. @default 6379 */
  port?: number | undefined;
  /** The user of the server's ACL; needs `password`. */
  username?: string | undefined;
  /** The password of `username`, or of the default user. */
  password?: string | undefined;
  /** The database's number; none on a cluster. @default 0 */
  db?: number | undefined;
  /** The path of a Unix socket. */
  path?: string | undefined;
  /** Connects by TLS. @default false, but true with a `rediss://` URL */
  tls?: boolean | RedisTls | undefined;
  /** A Redis Cluster: some of its nodes, which tell of the others. */
  cluster?: { nodes: readonly RedisNode[] } | undefined;
  /**
   * The server that Sentinels name. `username` and `password` in here are the Sentinels'; their default port
   * is 26379.
   */
  sentinel?:
    | {
        /** The name of the master that the Sentinels watch. */
        name: string;
        nodes: readonly RedisNode[];
        username?: string | undefined;
        password?: string | undefined;
      }
    | undefined;
  /**
   * Overrides the top-level `prefix`. Not empty, for `flush()` would remove what others have in the database; and
   * not `'ferrocache:'` or a beginning of it, where the driver keeps its locks and the epochs of tags.
   * @default 'cache:'
   */
  prefix?: string;
  /** Overrides the top-level `defaultTtl`. */
  defaultTtl?: TTL | undefined;
  /**
   * Values of so many bytes and more are compressed, if that makes them smaller; `false`: none.
   * @default 4096
   */
  compress?: number | false | undefined;
  /**
   * Most bytes of one value; larger ones are refused with `CACHE_INVALID_VALUE`. At most 536,870,912 (512 MiB).
   * @default 67108864 (64 MiB)
   */
  maxValueBytes?: number | undefined;
  /** How long making a connection may take, name look-up and TLS included. At most 24 days. @default '2s' */
  connectTimeout?: TTL | undefined;
  /**
   * How long an operation may take, with its wait for a connection and all its steps; of `flush` each step, of
   * `keys` each page, of a lock each try. At most 24 days.
   * @default '1s'
   */
  commandTimeout?: TTL | undefined;
  /** Requests that may wait for an answer; further ones are refused with `CACHE_UNAVAILABLE`. @default 10000 */
  maxQueue?: number | undefined;
  /**
   * After so many time-outs in a row, as after a refused connection, requests are refused at once, until a try in
   * the background succeeds.
   * @default 3
   */
  breakerThreshold?: number | undefined;
  /** The first pause before connecting anew; it doubles up to `maxReconnectDelay`, and is spread by a half. @default '50ms' */
  reconnectDelay?: TTL | undefined;
  /** The longest pause before connecting anew. At most 24 days. @default '2s' */
  maxReconnectDelay?: TTL | undefined;
  /**
   * How long a process that runs a factory and no longer answers keeps others from running it. It is extended
   * while the factory runs. At most 24 days.
   * @default '5s'
   */
  leaseTtl?: TTL | undefined;
}

/** Alias of {@link RedisConfig} with its driver, as `@veloxts/cache` names it. */
export interface RedisCacheConfig extends RedisConfig {
  driver: 'redis';
}

/** As {@link RedisTls}; the certificate must have the host of the URL. */
export type CouchDbTls = Omit<RedisTls, 'servername'>;

/**
 * `config` of the CouchDB driver. What is mistyped or out of its range is refused with `CACHE_CONFIG`; a message
 * never repeats a URL or a password.
 */
export interface CouchDbConfig {
  /**
   * Where CouchDB is: `http://user:password@host:5984`, or `https://…` (TLS). Without a port it is the scheme's,
   * 80 or 443, and not CouchDB's. What is no letter or digit in a user name or a password is percent-encoded.
   *
   * A path is where a reverse proxy has CouchDB, and comes before the database: `https://host/couch`. The database
   * is no part of it, so `http://host:5984/cache` is a proxy's path too: the database is said by `database`. A `?`
   * or `#` and what follows is refused.
   * @default 'http://127.0.0.1:5984'
   */
  url?: string | undefined;
  /**
   * The database, made if it is missing and the user may. CouchDB's rule: a letter from a to z, then such letters,
   * digits and `_ $ ( ) + - /`; at most 238 characters.
   * @default 'cache'
   */
  database?: string | undefined;
  /** The user; without a `:`, and with `password`. Here or in `url`; in both only if it is the same. @default none */
  username?: string | undefined;
  /** The password of `username`. Here or in `url`; in both only if it is the same. @default none */
  password?: string | undefined;
  /**
   * How the TLS connection of an `https://` URL is made. `true` says no more than the URL does; with an `http://`
   * URL there is none, and all but `false` is refused.
   * @default true with an `https://` URL, where `false` is refused
   */
  tls?: boolean | CouchDbTls | undefined;
  /**
   * Overrides the top-level `prefix`. It may be empty: what the driver keeps for itself lies beside the entries.
   * @default 'cache:'
   */
  prefix?: string;
  /** Overrides the top-level `defaultTtl`. */
  defaultTtl?: TTL | undefined;
  /**
   * Most bytes of one value; larger ones are refused with `CACHE_INVALID_VALUE`. From 1 to 7,500,000: CouchDB takes
   * documents of 8,000,000 bytes unless it is configured, and a document holds more than the value.
   * @default 7500000
   */
  maxValueBytes?: number | undefined;
  /** How long making a connection may take, name look-up and TLS included. At most 24 days. @default '2s' */
  connectTimeout?: TTL | undefined;
  /**
   * How long an operation may take, with its wait for a connection and all its steps; of `flush` each step, of
   * `keys` each page, of a lock each try. At most 24 days.
   * @default '2s'
   */
  commandTimeout?: TTL | undefined;
  /**
   * Requests that may wait for an answer, 1 or more; further ones are refused with `CACHE_UNAVAILABLE`.
   * @default 10000
   */
  maxQueue?: number | undefined;
  /**
   * After so many time-outs in a row (1 or more), as after a refused connection, requests are refused at once, until
   * a try in the background succeeds.
   * @default 3
   */
  breakerThreshold?: number | undefined;
  /** The first pause before connecting anew; it doubles up to `maxReconnectDelay`, and is spread by a half. @default '50ms' */
  reconnectDelay?: TTL | undefined;
  /** The longest pause before connecting anew. At most 24 days. @default '2s' */
  maxReconnectDelay?: TTL | undefined;
  /**
   * How long a process that runs a factory and no longer answers keeps others from running it. It is extended
   * while the factory runs. At most 24 days.
   * @default '5s'
   */
  leaseTtl?: TTL | undefined;
  /**
   * The time between two sweeps, which remove from the database what is expired; one process of the fleet makes
   * them. From 1 second to 24 days; `false`: none by this process. What is expired is a miss in any case.
   * @default '1h'
   */
  sweep?: TTL | false | undefined;
  /**
   * How many revisions of a document the database remembers, from 1 to 1,000. Set when the driver makes the
   * database; one that exists stays as it is. Fewer are faster to write (docs/couchdb.md); on a cluster, nodes that
   * miss more writes of a document than this keep the old one as a conflict.
   * @default 5
   */
  revsLimit?: number | undefined;
}

/** {@link CouchDbConfig} with its driver, like {@link RedisCacheConfig}. */
export interface CouchDbCacheConfig extends CouchDbConfig {
  driver: 'couchdb';
}

/** Where warnings and errors go when nobody listens: a pino or console-like object. */
export interface CacheLogger {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Options that every driver takes. */
export interface CacheBaseOptions {
  /**
   * How long values live when a call does not say.
   * @default '1h'
   */
  defaultTtl?: TTL | undefined;
  /**
   * Put before every key, tag and lock name; `flush()` removes what is under it and nothing else.
   * @default '' on the memory driver, which shares its store with nobody that does not ask for it;
   *   `'cache:'` on the Redis and the CouchDB driver
   */
  prefix?: string;
  /**
   * Opens the process-wide store of that name: every cache that gives the same name, on any worker
   * thread, shares its entries, limits, tags, locks and flights. A name that is open with another
   * configuration rejects with `CACHE_CONFIG`. Without a name the store is private. On Redis and CouchDB the
   * entries are shared in any case, and caches of one configuration share a connection without a name too.
   */
  name?: string | undefined;
  /**
   * `'manual'`: time stands still until {@link ManualClock.advance} moves it. For tests, on the memory driver.
   * @default 'system'
   */
  clock?: 'system' | 'manual' | undefined;
  /**
   * Whether the app goes on while the backend is down: `get`, `many` and `has` miss, `put`, `set` and `putMany`
   * are dropped, `remember` runs its factory, each with an `error` event. All else rejects with
   * `CACHE_UNAVAILABLE` or `CACHE_TIMEOUT`; with `false` everything does. The memory driver has no backend that
   * could be down.
   * @default true
   */
  failOpen?: boolean | undefined;
  /**
   * The deadline of a `remember` factory.
   * @default '30s'
   */
  hardTimeout?: TTL | undefined;
  /**
   * Takes errors that no `error` listener takes.
   * @default one process warning per cache
   */
  logger?: CacheLogger | undefined;
}

/** Options of a cache on the memory driver, the default. */
export interface MemoryCacheOptions extends CacheBaseOptions {
  driver?: 'memory' | undefined;
  config?: MemoryConfig | undefined;
}

/** Options of a cache on the Redis driver. */
export interface RedisCacheOptions extends CacheBaseOptions {
  driver: 'redis';
  config?: RedisConfig | undefined;
  clock?: 'system' | undefined;
}

/** Options of a cache on the CouchDB driver. */
export interface CouchDbCacheOptions extends CacheBaseOptions {
  driver: 'couchdb';
  config?: CouchDbConfig | undefined;
  clock?: 'system' | undefined;
}

/** The memory of the tiered driver: bounds and hot tier as on the memory driver, and how long it keeps a value at most. */
export interface UpperTierConfig extends Pick<
  MemoryConfig,
  'maxSize' | 'maxSizeBytes' | 'policy' | 'hot' | 'isolation'
> {
  /** The longest life of a value up here; it never outlives the value's own. @default the value's own */
  ttl?: TTL | undefined;
}

/**
 * `config` of the tiered driver: the memory of this process, shared by its threads, above Redis or CouchDB, which
 * tells of every change.
 */
export interface TieredConfig {
  /** The upper tier. @default 64 MiB, `lru` */
  memory?: UpperTierConfig | undefined;
  /** The lower tier: a driver with its own `config`. */
  remote: ({ driver: 'redis' } & RedisConfig) | ({ driver: 'couchdb' } & CouchDbConfig);
  /**
   * For how long the memory is served after the lower tier has stopped to tell of changes (0 or more). With 0 every
   * read asks the lower tier until it tells of changes again.
   * @default 0
   */
  maxStaleness?: TTL | 0 | undefined;
  /** Overrides the top-level `prefix`, and that of `remote`. @default that of the lower tier's driver */
  prefix?: string;
  /** Overrides the top-level `defaultTtl`, and that of `remote`. */
  defaultTtl?: TTL | undefined;
}

/** Options of a cache on the tiered driver. */
export interface TieredCacheOptions extends CacheBaseOptions {
  driver: 'tiered';
  config: TieredConfig;
  clock?: 'system' | undefined;
}

/** Options of {@link Cache}, discriminated by `driver`. */
export type CacheOptions = MemoryCacheOptions | RedisCacheOptions | CouchDbCacheOptions | TieredCacheOptions;

/** A value with what is known of it, as `@veloxts/cache` names it. */
export interface CacheEntry<T = unknown> {
  value: T;
  /** Milliseconds since the Unix epoch; `null` for ever. */
  expiresAt: number | null;
  tags?: string[] | undefined;
}

/** Alias of {@link CacheOptions}, as `@veloxts/cache` names it. */
export type CacheManagerOptions = CacheOptions;
/** Alias of the drivers' configurations, as `@veloxts/cache` names it. */
export type CacheConfig = MemoryCacheConfig | RedisCacheConfig | CouchDbCacheConfig;

// ---------------------------------------------------------------------------------------------
// Events
// ---------------------------------------------------------------------------------------------

/** Which tier answered or was written. */
export type CacheTier = 'memory' | 'redis' | 'couchdb';

/**
 * What each event carries. `key` is always the whole key, with the namespace, without the prefix. A `value` is
 * the very object that the operation's caller has: a listener reads it and leaves it as it is.
 */
export interface CacheEvents {
  /** A read found a value. `durationMs` is what the operation took. */
  hit: { key: string; value: unknown; tier: CacheTier; durationMs: number };
  /** A read found nothing. */
  miss: { key: string; durationMs: number };
  /** A value was stored. `ttl` is in seconds; `Infinity` is for ever. */
  write: {
    key: string;
    value: unknown;
    ttl: number;
    tags: readonly string[];
    tier: CacheTier;
    durationMs: number;
  };
  /** A key was removed by its name (`forget`, `pull`, a TTL of zero). */
  delete: { key: string; durationMs: number };
  /** `flush()` removed everything, or everything in `namespace`. */
  clear: { namespace: string; durationMs: number };
  /** An entry went to keep the bounds; `too-large`: it was never let in. Not on Redis and CouchDB, which do not tell. */
  evict: { key: string; reason: 'size' | 'too-large' };
  /** An entry's time was over, and it left the memory. Not on Redis and CouchDB, which do not tell. */
  expire: { key: string };
  /** A value past its TTL but within its grace was served. */
  stale: { key: string; value: unknown };
  /** A factory ran and its value replaced a stale one. */
  refresh: { key: string; durationMs: number };
  /** Tags were flushed. */
  invalidate: { tags: readonly string[]; durationMs: number };
  /** A lock changed hands. `token` is the fencing number. */
  lock: { key: string; state: 'acquired' | 'released' | 'lost' | 'timeout'; token: number | null };
  /** Something failed that no promise could report, or that failing open hid. */
  error: { error: Error; operation: string; key?: string };
  /** The backend can be asked, for the first time or again. */
  connect: { driver: CacheDriver };
  /** The cache was closed; or, with a `reason`, the backend can no longer be asked. */
  disconnect: { driver: CacheDriver; reason?: string };
}

/** The name of an event. */
export type CacheEventName = keyof CacheEvents;

/** A listener of one event. What it throws is reported as an `error` event, never to the caller. */
export type CacheListener<E extends CacheEventName> = (event: CacheEvents[E]) => void;

// ---------------------------------------------------------------------------------------------
// remember
// ---------------------------------------------------------------------------------------------

/** What a `remember` factory receives. */
export interface RememberContext {
  /** The key, without prefix and namespace. */
  readonly key: string;
  /**
   * Aborts when the factory's deadline passes or the cache closes. Made when it is asked for: take it by its name,
   * `{ ...context }` has none.
   */
  readonly signal: AbortSignal;
  /** Replaces the TTL of the value that this factory returns. */
  setTtl(ttl: TTL | null | undefined): void;
  /** Replaces the tags of the value that this factory returns, but for those of a {@link TaggedCache}. */
  setTags(tags: readonly string[]): void;
  /** Hands the value to the callers in this process and stores nothing; who waits in another one computes anew. */
  skip(): void;
}

/** Computes a missing value. */
export type Factory<T> = (context: RememberContext) => T | PromiseLike<T>;

/** Options of `remember`. */
export interface RememberOptions {
  /** How long the value lives. @default the cache's `defaultTtl` */
  ttl?: TTL | null | undefined;
  /** Tags of the stored value. @default none */
  tags?: readonly string[] | undefined;
  /**
   * How long past its TTL a value may still be served by `remember` when the factory fails, or
   * takes longer than `timeout`. Other reads treat it as a miss.
   * @default 0: never
   */
  grace?: TTL | null | undefined;
  /**
   * With a value in grace: how long to wait for the factory before the stale value is served and
   * the factory goes on in the background. `0` serves it at once (stale-while-revalidate).
   * @default waits for the factory
   */
  timeout?: TTL | null | undefined;
  /**
   * The factory's deadline: then its signal aborts and all callers reject with `CACHE_TIMEOUT`. A caller that
   * joined another's run waits for it no longer than its own.
   * @default the cache's `hardTimeout` ('30s')
   */
  hardTimeout?: TTL | null | undefined;
  /** Ends the wait of this caller alone, with the signal's reason. The factory goes on for the others. */
  signal?: AbortSignal | undefined;
}

// ---------------------------------------------------------------------------------------------
// Locks
// ---------------------------------------------------------------------------------------------

/** Options of `lock` and `lockAndRun`. */
export interface LockOptions {
  /** How long the lock is held at most without an extension. `timeout` is an alias. @default '30s' */
  ttl?: TTL | undefined;
  /** Alias of `ttl`, as `@veloxts/cache` names it. */
  timeout?: TTL | undefined;
  /** How long to wait for the lock in all. @default '10s' */
  wait?: TTL | undefined;
  /** The first pause between two tries, in **milliseconds**; it doubles up to 2,000. @default 50 */
  retryInterval?: number | undefined;
  /** Tries after the first. `0` tries exactly once. @default 100 */
  maxRetries?: number | undefined;
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What `lock` resolves to. */
export interface Lock {
  /** Whether the lock was had. The other members of a lock that was not had do nothing. */
  readonly acquired: boolean;
  /** The lock's name. */
  readonly key: string;
  /**
   * The fencing number: it only grows from holder to holder of a store, so that a resource can refuse
   * the writes of an earlier holder. `null` if the lock was not had.
   */
  readonly token: number | null;
  /** Releases the lock if it is still ours; resolves to whether it was. */
  release(): Promise<boolean>;
  /** Sets the lock's remaining life if it is still ours; resolves to whether it was. */
  extend(ttl?: TTL): Promise<boolean>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Alias of {@link Lock}, as `@veloxts/cache` names it. */
export type LockResult = Lock;

/** What a `lockAndRun` callback receives. */
export interface LockContext {
  /** Aborts, with a `CACHE_LOCK_LOST` error as its reason, if the lock is lost while the callback runs. */
  readonly signal: AbortSignal;
  /** The fencing number; see {@link Lock.token}. */
  readonly token: number;
}

// ---------------------------------------------------------------------------------------------
// The cache
// ---------------------------------------------------------------------------------------------

/** Figures of a cache's store, since it was opened. */
export interface CacheStats {
  driver: CacheDriver;
  /** Reads that found a value. */
  hits: number;
  /** Reads that found none. */
  misses: number;
  /** `hits / (hits + misses)`, or 0 before the first read. */
  hitRatio: number;
  /** Values stored. */
  writes: number;
  /** Keys removed by name. */
  deletes: number;
  /** Entries that went to keep the bounds. */
  evictions: number;
  /** Entries that left because their time was over. */
  expirations: number;
  /** Factory results that a newer write or invalidation kept out of the store. */
  refusedFills: number;
  /** Entries held now; `null` where only the backend knows. */
  entries: number | null;
  /** Bytes held now, as `maxSizeBytes` counts them; `null` where only the backend knows. */
  bytes: number | null;
  /** Factories running now, in this process. */
  flights: number;
  /** Locks held now; on a backend those of this process. `null` where only the backend knows. */
  locks: number | null;
  /** Tags known now; `null` where only the backend knows. */
  tags: number | null;
  /** How it stands with the backend; `null` on the memory driver. */
  connection: CacheConnection | null;
  /** The memory above the backend; `null` on all but the tiered driver. Its hits are among `hits`. */
  memory: UpperTierStats | null;
}

/** The memory above a backend. */
export interface UpperTierStats {
  /** Reads that it answered, also those of which it knew that there is no value. */
  hits: number;
  /** Entries held, also those that say that a key holds no value. */
  entries: number;
  /** Bytes held, as `maxSizeBytes` counts them. */
  bytes: number;
  /** Whether the backend tells of every change, so that the memory is believed. */
  trusted: boolean;
  /**
   * How it tells, or told last: by Redis's client tracking; by messages between the processes where Redis has no
   * tracking or no RESP3 (what other programs write is then not told); by CouchDB's `_changes`.
   */
  invalidation: 'tracking' | 'pubsub' | 'changes' | null;
}

/** How a cache stands with its backend. */
export interface CacheConnection {
  /**
   * `'connecting'`: a connection is being made, and requests wait for it. `'down'`: requests are refused at once,
   * until a try in the background succeeds.
   */
  state: 'connecting' | 'up' | 'down';
  /** Requests that are not answered yet. */
  pending: number;
  /** How often a connection was made again after one was lost. */
  reconnects: number;
  /** The version of the Redis protocol (RESP); `null` while it is not known, and on CouchDB, which has none. */
  protocol: 2 | 3 | null;
}

/** Moves the time of a cache that was made with `clock: 'manual'`. */
export interface ManualClock {
  /** The cache's time, in milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Moves the time forward; what expires leaves the store before this returns.
   *
   * @throws {@link CacheError} `CACHE_CONFIG` on a cache with the system clock
   * @throws {@link CacheError} `CACHE_INVALID_TTL`
   */
  advance(duration: TTL): void;
}

/** What several entries may be given as. */
export type Entries<T> =
  ReadonlyMap<string, T> | Iterable<readonly [string, T]> | { readonly [key: string]: T };

/** Options of {@link Cache.get}. */
export interface GetOptions {
  /** Asks the backend, whatever the memory above it has. Without such a memory every read does. @default false */
  fresh?: boolean | undefined;
}

/** The cache seen through some tags; made by {@link Cache.tags}. */
export interface TaggedCache {
  /** The tags. */
  readonly names: readonly string[];
  /** As {@link Cache.get}: tags take part in writing and flushing, not in finding. */
  get<T = unknown>(key: string): Promise<T | null>;
  /** As {@link Cache.put}, with the tags. */
  put<T>(key: string, value: T, ttl?: TTL | null): Promise<void>;
  /** As {@link Cache.add}, with the tags. */
  add<T>(key: string, value: T, ttl?: TTL | null): Promise<boolean>;
  /** As {@link Cache.putMany}, with the tags. */
  putMany<T>(entries: Entries<T>, ttl?: TTL | null): Promise<void>;
  /** As {@link Cache.remember}, with the tags (those in the options are added). */
  remember<T>(key: string, factory: Factory<T>): Promise<T>;
  remember<T>(key: string, ttl: TTL | null | undefined, factory: Factory<T>): Promise<T>;
  remember<T>(key: string, options: RememberOptions, factory: Factory<T>): Promise<T>;
  /** As {@link Cache.rememberForever}, with the tags. */
  rememberForever<T>(key: string, factory: Factory<T>): Promise<T>;
  /**
   * Makes every entry that has at least one of the tags a miss, in O(1), everywhere; a factory that
   * is running for such an entry stores nothing.
   */
  flush(): Promise<void>;
}

/**
 * What the cache and its namespaces share.
 *
 * Keys are strings of at most 1 MiB (UTF-8) without lone surrogates; the empty key is valid. Any other
 * key rejects with `CACHE_INVALID_KEY`. After `close()` everything rejects with `CACHE_CLOSED`.
 */
export interface CacheOperations {
  /** The value, the caller's own; `null` if there is none. A stored `null` or `undefined` is a hit for `has`. */
  get<T = unknown>(key: string, options?: GetOptions): Promise<T | null>;
  /**
   * Stores a value. A Buffer comes back a Buffer; Date, Map, Set, BigInt, RegExp, URL, typed arrays,
   * `undefined`, shared and circular references come back as they were; functions and symbols
   * inside a value are dropped, as JSON does.
   *
   * Rejects with `CACHE_INVALID_VALUE` (and leaves what was stored) if the value is itself a function
   * or symbol or throws while it is read; with `CACHE_INVALID_TTL`.
   */
  put<T>(key: string, value: T, ttl?: TTL | null): Promise<void>;
  /** As {@link CacheOperations.put}; resolves to whether the value was stored (a TTL of zero or less, or a value over the bound: `false`). */
  set<T>(key: string, value: T, ttl?: TTL | null): Promise<boolean>;
  /** Whether the key holds a value, `null` and `undefined` included. */
  has(key: string): Promise<boolean>;
  /** Removes the key; resolves to whether it held a value. */
  forget(key: string): Promise<boolean>;
  /** Alias of {@link CacheOperations.forget}. */
  delete(key: string): Promise<boolean>;
  /** Removes the key and resolves to what it held, atomically; `null` if nothing. */
  pull<T = unknown>(key: string): Promise<T | null>;
  /** Stores a value if the key holds none, atomically; resolves to whether it did. */
  add<T>(key: string, value: T, ttl?: TTL | null): Promise<boolean>;
  /** Gives the value a new TTL from now; resolves to whether there was one. */
  touch(key: string, ttl?: TTL | null): Promise<boolean>;
  /** The remaining life in **seconds** (to the millisecond); `Infinity` for ever; `null` if there is no value. */
  ttl(key: string): Promise<number | null>;
  /** Many values at once, in the order asked; `null` where there is none. */
  many<T = unknown>(keys: Iterable<string>): Promise<Map<string, T | null>>;
  /** Stores many values. All are checked and encoded before the first is stored. */
  putMany<T>(entries: Entries<T>, ttl?: TTL | null): Promise<void>;
  /** Removes many keys; resolves to how many held a value. */
  forgetMany(keys: Iterable<string>): Promise<number>;
  /**
   * Adds `step` to a counter, atomically, and resolves to its new value. A missing counter starts at
   * 0 with `ttl` (default: the cache's); a later step keeps the counter's TTL and tags.
   *
   * Rejects with `CACHE_NOT_A_NUMBER` on any other value, with `CACHE_NUMBER_RANGE` beyond 2^53 − 1.
   */
  increment(key: string, step?: number, ttl?: TTL | null): Promise<number>;
  /** As {@link CacheOperations.increment}, the other way. */
  decrement(key: string, step?: number, ttl?: TTL | null): Promise<number>;
  /**
   * The value, or what `factory` computes, which is then stored. Concurrent callers share one run;
   * a `forget`, `put`, tag flush or `flush` that completes while it runs wins: nothing is stored.
   * A failing factory rejects all its present callers with the same error and is not rerun for them.
   */
  remember<T>(key: string, factory: Factory<T>): Promise<T>;
  remember<T>(key: string, ttl: TTL | null | undefined, factory: Factory<T>): Promise<T>;
  remember<T>(key: string, options: RememberOptions, factory: Factory<T>): Promise<T>;
  /** {@link CacheOperations.remember} without an end of life. */
  rememberForever<T>(key: string, factory: Factory<T>): Promise<T>;
  /** The cache seen through these tags. Throws nothing: bad tags reject the operation that uses them. */
  tags(tags: readonly string[] | string): TaggedCache;
  /** As `tags(tags).put(key, value, ttl)`, by the name that `@veloxts/cache`'s stores have. */
  putWithTags<T>(key: string, value: T, tags: readonly string[], ttl?: TTL | null): Promise<void>;
  /** As `tags(tags).flush()`, by the name that `@veloxts/cache`'s stores have. */
  flushTags(tags: readonly string[]): Promise<void>;
  /** Tries to take a lock; `acquired` says whether it was had. */
  lock(key: string, options?: LockOptions | TTL): Promise<Lock>;
  /**
   * Runs `callback` under a lock that is renewed while it runs. Rejects with `CACHE_LOCK_TIMEOUT` if
   * the lock cannot be had in time; what the callback throws passes through.
   */
  lockAndRun<T>(
    key: string,
    options: LockOptions | TTL,
    callback: (context: LockContext) => T | PromiseLike<T>,
  ): Promise<T>;
  /** The part of this cache under `name:`. Its `flush()` removes that part alone. */
  namespace(name: string): CacheNamespace;
  /** The keys that hold a value, without the prefix, in no order. */
  keys(): AsyncIterableIterator<string>;
  /**
   * Removes every entry, and no lock; running factories store nothing. On Redis it looks through all keys of the
   * database, on CouchDB through those under the prefix, and what this process puts after it was called stays.
   */
  flush(): Promise<void>;
  /** Alias of {@link CacheOperations.flush}. */
  clear(): Promise<void>;
  /** Forgets one key, or everything if none is given. */
  reset(key?: string): Promise<void>;
}

/** A part of a cache; see {@link CacheOperations.namespace}. It lives and closes with its cache. */
export interface CacheNamespace extends CacheOperations {
  /** The namespace's name, parents first: `'a:b'`. */
  readonly name: string;
}

/** Alias of {@link Cache}, as `@veloxts/cache` names it. */
export type CacheManager = Cache;
/** Alias of {@link CacheOperations}, as `@veloxts/cache` names it. */
export type CacheStore = CacheOperations;
/** Alias of {@link CacheOperations}, as `@veloxts/cache` names it. */
export type TaggableCacheStore = CacheOperations;

export interface Cache extends CacheOperations {}

/** A cache. */
export class Cache {
  /**
   * @throws {@link CacheError} `CACHE_CONFIG` if an option is unknown or mistyped (with a suggestion),
   *   or the name is open with another configuration
   */
  constructor(options?: CacheOptions);
  /** The driver's name. */
  readonly driver: CacheDriver;
  /** The name given in the options, or `undefined`. */
  readonly name: string | undefined;
  /** The cache's clock; it can be moved if it is `'manual'`. */
  readonly clock: ManualClock;
  /** Whether `close()` was called. */
  readonly closed: boolean;
  /** Figures of the store. */
  stats(): Promise<CacheStats>;
  /** Resolves when the driver can serve, at once on the memory driver; rejects with what keeps it from it. */
  ready(): Promise<void>;
  /**
   * Ends the cache: aborts the factories' signals, releases its locks. Everything asked from then on rejects; on a
   * backend it resolves within `commandTimeout`. Idempotent.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;

  /** Calls `listener` after each such event, in the async context of the operation's caller. */
  on<E extends CacheEventName>(event: E, listener: CacheListener<E>): this;
  /** As `on`, once. */
  once<E extends CacheEventName>(event: E, listener: CacheListener<E>): this;
  /** Removes a listener. */
  off<E extends CacheEventName>(event: E, listener: CacheListener<E>): this;
  /** Alias of `on`. */
  addListener<E extends CacheEventName>(event: E, listener: CacheListener<E>): this;
  /** Alias of `off`. */
  removeListener<E extends CacheEventName>(event: E, listener: CacheListener<E>): this;
  /** How many listeners an event has. */
  listenerCount(event: CacheEventName): number;
}

/** A new, ready cache. */
export function createCacheManager(options?: CacheOptions): Promise<Cache>;
/** Alias of {@link createCacheManager}. */
export const cache: typeof createCacheManager;
/** A new cache on the memory driver. */
export function createMemoryCache(
  config?: MemoryConfig & { driver?: 'memory' } & Pick<CacheBaseOptions, 'name' | 'clock' | 'logger'>,
): Cache;
/** A new cache on the Redis driver, once it can serve. */
export function createRedisCache(
  config?: RedisConfig & { driver?: 'redis' } & Pick<CacheBaseOptions, 'name' | 'failOpen' | 'logger'>,
): Promise<Cache>;
/** A new cache on the CouchDB driver, once it can serve. */
export function createCouchdbCache(
  config?: CouchDbConfig & { driver?: 'couchdb' } & Pick<CacheBaseOptions, 'name' | 'failOpen' | 'logger'>,
): Promise<Cache>;
/** The process's standalone cache, made on first use. */
export function initCache(options?: CacheOptions): Promise<Cache>;
/** The standalone cache. @throws {@link CacheError} `CACHE_CONFIG` before `initCache` */
export function getCache(): Cache;
/** Closes the standalone cache. */
export function closeCache(): Promise<void>;
/**
 * The cache that the plugin registered on this instance or on a parent of it.
 *
 * @param namespace the `namespace` option that the plugin was registered with, if any
 * @throws {@link CacheError} `CACHE_PLUGIN` if there is none
 */
export function getCacheFromInstance(instance: FastifyLike, namespace?: string): Cache;

// ---------------------------------------------------------------------------------------------
// Fastify, VeloxTS, Lens
// ---------------------------------------------------------------------------------------------

/** The part of a Fastify instance that the plugin needs, so that any Fastify 5's types fit. */
export interface FastifyLike {
  // Structural on purpose: naming `FastifyInstance` would fail to compile in an app whose Fastify
  // differs from the one these types were written against.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  decorate: (...args: any[]) => any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  addHook: (...args: any[]) => any;
}

/** What a Lens cache event looks like on `@lensjs/core`'s emitter. */
export type LensCacheEvent = { requestId?: string; createdAt: string } & (
  | { action: 'hit' | 'write'; data: { key: string; value: unknown } }
  | { action: 'miss' | 'delete'; data: { key: string } }
  | { action: 'clear'; data: { key?: string; value?: unknown } }
);

/** How events reach Lens. */
export type LensOptions =
  | boolean
  | {
      /** `emitCacheEvent` of `@lensjs/watchers`, or a function like it. */
      emitCacheEvent: (event: { action: LensCacheEvent['action']; data: LensCacheEvent['data'] }) => void;
      /** Most events a second that are passed on. @default 1000 */
      maxEventsPerSecond?: number;
    }
  | {
      /** `lensEmitter` of the copy of `@lensjs/core` that the app uses. */
      emitter: {
        emit(event: 'cache', payload: LensCacheEvent): unknown;
        listenerCount?(event: string): number;
      };
      /** `lensContext` of the same copy. */
      context?: { getStore(): { requestId?: string } | undefined };
      /** Most events a second that are passed on. @default 1000 */
      maxEventsPerSecond?: number;
    };

/** Options of {@link cachePlugin}. */
export type CachePluginOptions = CacheOptions & {
  /** Registers a further cache, as `fastify.cache[namespace]`. */
  namespace?: string;
  /** The decorator's name, where `cache` is taken. @default 'cache' */
  decorator?: string;
  /** Whether registering waits until the driver is ready. @default false */
  ready?: boolean;
  /** Shows the cache's events in the Lens dashboard. @default false */
  lens?: LensOptions;
};

/** What `cachePlugin(options)` returns: a Fastify plugin that is also a VeloxTS plugin object. */
export interface CachePlugin {
  (instance: FastifyLike): Promise<void>;
  (instance: FastifyLike, options: CachePluginOptions): Promise<void>;
  /** The plugin's name. */
  readonly name: string;
  /** The package's version. */
  readonly version: string;
  /** Registers the plugin on `server`; options given here come on top of the factory's. */
  register(server: FastifyLike, options?: CachePluginOptions): Promise<void>;
}

/**
 * The plugin, and its factory: with a Fastify instance first it registers, otherwise it returns a
 * plugin that has the options.
 *
 * ```js
 * fastify.register(cachePlugin)
 * fastify.register(cachePlugin, { config: { maxSize: 1000 } })
 * fastify.register(cachePlugin({ config: { maxSize: 1000 } }))
 * app.register(cachePlugin({ driver: 'memory' }))        // VeloxTS
 * app.use(cachePlugin({ driver: 'memory' }))             // VeloxTS guide
 * ```
 *
 * Rejects with `CACHE_CONFIG` on bad options and `CACHE_PLUGIN` if the decorator is taken.
 */
export const cachePlugin: {
  // In this order: where a function is to be passed on, TypeScript infers from the last form.
  (options?: CachePluginOptions): CachePlugin;
  (instance: FastifyLike): Promise<void>;
  (instance: FastifyLike, options: CachePluginOptions): Promise<void>;
};

export default cachePlugin;

declare module 'fastify' {
  interface FastifyInstance {
    /** The app's cache; see `cachePlugin`. */
    cache: Cache & CacheNamespaces;
  }
  interface FastifyRequest {
    /** The app's cache; see `cachePlugin`. */
    cache: Cache & CacheNamespaces;
  }
}

/** Caches registered with `namespace`; augment it to name yours: `interface CacheNamespaces { sessions: Cache }`. */
export interface CacheNamespaces {}
