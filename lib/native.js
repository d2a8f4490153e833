'use strict';

/**
 * The only file that loads the native binding.
 *
 * It says how this thread is woken, and hands what the core has to say to the session that it is for.
 */

const { CacheError } = require('./errors.js');
const { Queue } = require('./queue.js');

/**
 * A payload: JSON text, superjson text in an array, bytes, or what was parsed already.
 * @typedef {string | [string] | Buffer | import('./kept.js').Kept} Payload
 */

/**
 * What the core says without being asked.
 * @typedef {object} Notice
 * @property {number} handle
 * @property {'flight' | 'lockFree' | 'evict' | 'expire' | 'connect' | 'disconnect'} kind
 * @property {string} [key]
 * @property {'size' | 'too-large'} [reason]
 * @property {number} [lease]
 * @property {'value' | 'failed' | 'abandoned'} [outcome]
 * @property {number} [superseded]
 * @property {Payload} [payload]
 * @property {string} [error] of a run, or why the backend is gone
 */

/**
 * What a miss may do, where it is more than to compute the value. With an `outage` this process decided alone, for the
 * backend could not be asked.
 * @typedef {object} Leased
 * @property {'granted' | 'held'} state
 * @property {number} lease
 * @property {number} joined
 * @property {Payload} [payload] in its grace
 * @property {[code: string, message: string]} [outage]
 */

/**
 * What a lease finds: the value; the name of the run that is to compute it; or what else a miss may do.
 * @typedef {Payload | number | Leased} LeaseReply
 */

/**
 * Whether a fill was stored; and, if an invalidation came between, when.
 * @typedef {boolean | { stored: boolean; superseded: number }} FillReply
 */

/**
 * The native functions. Durations are milliseconds; `Infinity` is for ever.
 *
 * What a store is asked takes an id after the handle. On a store in this process it is 0, and the answer is
 * returned. On a backend the call returns nothing: the answer comes among the completions, under the id.
 * @typedef {object} Binding
 * @property {(wake: () => void) => void} connect
 * @property {() => Notice[]} drain
 * @property {(options: object) => number} open
 * @property {(handle: number) => void} close
 * @property {(early: boolean) => void} submit sends what this thread asks of backends
 * @property {(codes: Int32Array) => any[] | undefined} completions what was answered, as lib/queue.js reads it
 * @property {(handle: number, id: number) => void} ready
 * @property {(handle: number, id: number, key: string) => Payload | undefined} get
 * @property {(handle: number, key: string) => Payload | null | undefined} near what the memory of this process has: the
 *   payload, `null` if it knows that a backend holds none, `undefined` if it does not know
 * @property {(handle: number, keys: readonly string[]) => (Payload | undefined)[]} many of a store in this process
 * @property {(handle: number, id: number, key: string, json: string, ttl: number) => boolean} put
 * @property {(numbers: Float64Array, used: number, text: string) => number[] | undefined} requests puts what
 *   lib/outbox.js has gathered on the queues; the ids of those whose session has ended
 * @property {(text: string) => void} probe reads its argument and does nothing: what crossing costs
 * @property {(handle: number, id: number, key: string, format: number, content: string | Buffer, ttl: number, grace: number, tags: string[] | null, ifAbsent: boolean) => boolean} write
 * @property {(handle: number, id: number, key: string) => boolean} has
 * @property {(handle: number, id: number, key: string) => Payload | undefined} peek also a value in its grace
 * @property {(handle: number, id: number, key: string) => boolean} forget
 * @property {(handle: number, id: number, key: string) => Payload | undefined} pull
 * @property {(handle: number, id: number, key: string, ttl: number) => boolean} touch
 * @property {(handle: number, id: number, key: string) => number | null} remaining
 * @property {(handle: number, id: number, key: string, step: number, ttl: number) => number} increment
 * @property {(handle: number, id: number, key: string, tags: string[] | null, offline: boolean) => LeaseReply} lease
 * @property {(handle: number, id: number, key: string, lease: number, format: number, content: string | Buffer, ttl: number, grace: number, tags: string[] | null, keep: boolean) => FillReply} fill
 * @property {(handle: number, id: number, key: string, lease: number, error: string) => void} fail
 * @property {(handle: number, id: number, tags: string[]) => void} flushTags
 * @property {(handle: number, id: number, prefix: string) => void} flush
 * @property {(handle: number, id: number, prefix: string, cursor: string | null) => { keys: string[]; cursor: string | null }} scan
 * @property {(handle: number, id: number, name: string, owner: string, ttl: number, wait: boolean) => { fence?: number; expiresIn: number }} lock
 * @property {(handle: number, id: number, name: string, owner: string) => boolean} unlock
 * @property {(handle: number, id: number, name: string, owner: string, ttl: number) => boolean} extend
 * @property {(handle: number) => readonly ArrayBuffer[] | undefined} share memory for copies of values, as lib/hot.js
 *   reads it; `undefined` where there is none
 * @property {(handle: number, keys: string[]) => void} used copies of these were used, in this order
 * @property {(handle: number, watching: boolean) => void} watch
 * @property {(handle: number) => number} now
 * @property {(handle: number, millis: number) => void} advance
 * @property {(handle: number) => Omit<import('../index.js').CacheStats, 'driver' | 'hitRatio'>} stats
 * @property {(text: string) => number} parseDuration
 */

/** @returns {Binding} */
function load() {
  try {
    // @ts-ignore generated by `npm run build`
    return require('../binding.js');
  } catch (cause) {
    const libc = process.platform === 'linux' ? (isMusl() ? '-musl' : '-gnu') : '';
    const triple = `${process.platform}-${process.arch}${process.platform === 'win32' ? '-msvc' : libc}`;
    throw new CacheError(
      'CACHE_NATIVE',
      `ferrocache has no native binary for ${triple}: install the package ferrocache-${triple} ` +
        '(npm leaves out optional dependencies with --omit=optional, or when the lockfile was made on another ' +
        'platform: then delete node_modules and package-lock.json and install again); if there is no such ' +
        'package, build from source with `npm run build`',
      { cause },
    );
  }
}

function isMusl() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (
    process.report?.getReport() ?? {}
  );
  return report.header?.glibcVersionRuntime === undefined;
}

const binding = load();

/** What this thread has asked of backends. */
const queue = new Queue(
  (early) => binding.submit(early),
  (numbers, used, text) => binding.requests(numbers, used, text),
);

/**
 * The sessions of this thread, by handle. Weak: a cache that is dropped without `close()` may go.
 * @type {Map<number, WeakRef<{ notice(notice: Notice): void }>>}
 */
const sessions = new Map();

/**
 * Sessions that listen to what the core says by itself: their listeners are all that may hold them.
 * @type {Set<object>}
 */
const watching = new Set();

const dropped = new FinalizationRegistry((/** @type {number} */ handle) => close(handle));

/**
 * Opens a store for a session, which gets the notices that are for it.
 *
 * @param {object} options checked options, as `NativeOptions` in src/binding/sessions.rs
 * @param {{ notice(notice: Notice): void }} session
 * @returns {number} the handle
 */
function open(options, session) {
  const handle = binding.open(options);
  sessions.set(handle, new WeakRef(session));
  dropped.register(session, handle, session);
  return handle;
}

/**
 * Ends a session. Idempotent.
 *
 * @param {number} handle
 */
function close(handle) {
  const session = sessions.get(handle)?.deref();
  if (session !== undefined) watching.delete(session);
  sessions.delete(handle);
  binding.close(handle);
}

// The wake must not throw: there is no caller that could catch it.
binding.connect(() => {
  // After what was answered: who was answered to wait hears of the end. Else lib/endings.js has it.
  if (!queue.drain(binding.completions)) return;
  for (const notice of binding.drain()) sessions.get(notice.handle)?.deref()?.notice(notice);
});

/**
 * Says what a session is to be told.
 *
 * @param {number} handle
 * @param {object} session
 * @param {{ entries: boolean; connection: boolean }} on whether somebody listens to evictions and expirations;
 *   to the state of the connection
 */
function watch(handle, session, { entries, connection }) {
  if (entries || connection) watching.add(session);
  else watching.delete(session);
  binding.watch(handle, entries);
}

module.exports = { binding, queue, open, close, watch };
