/**
 * The loops that are timed. `rounds.mjs` imports this file once for each contender and operation,
 * under a query of its own (`loop.mjs?…`): every import is a module of its own with compiled code
 * of its own. In one shared loop V8 sees the calls of all contenders in one place and can inline
 * none: with an awaited call that hardly shows, with a bare one it multiplies the time.
 */

/** Awaits `operation(keys[i], values[i])` from `start` to `end`; the nanoseconds that one took. */
export async function awaited(operation, keys, values, start, end) {
  const begin = performance.now();
  for (let at = start; at < end; at += 1) await operation(keys[at], values[at]);
  return ((performance.now() - begin) * 1e6) / (end - start);
}

/** The same for calls that return at once. */
export function direct(operation, keys, values, start, end) {
  const begin = performance.now();
  for (let at = start; at < end; at += 1) operation(keys[at], values[at]);
  return ((performance.now() - begin) * 1e6) / (end - start);
}
