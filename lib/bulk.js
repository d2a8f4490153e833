'use strict';

/**
 * Many operations on a backend in one call, within bounds: as many at once as fill a round trip, and never so
 * many that the queue is full.
 */

const { then, valueOrNull } = require('./answer.js');
const { begun } = require('./elapsed.js');
const { isOutage } = require('./fail-open.js');
const { makeError, toCacheError } = require('./errors.js');
const { Failure } = require('./queue.js');

/** @typedef {import('./native.js').Payload} Payload */

/** Keys that are read by one command. */
const KEYS_A_READ = 500;
/** Reads of so many keys that are under way at once: their answers are held in memory. */
const MOST_READS = 4;

/**
 * Acts on each item, at most `most` at once. All are settled when it ends; it never rejects.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {number} most
 * @param {(item: T) => unknown} act
 * @returns {Promise<Error[]>} what failed, the first first
 */
async function each(items, most, act) {
  /** @type {Error[]} */
  const errors = [];
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const item = items[next++];
      try {
        await act(item);
      } catch (error) {
        errors.push(toCacheError(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, work));
  return errors;
}

/**
 * Values by the keys that were asked, in their order; null where there is none.
 *
 * @param {import('./access.js').Access} access
 * @param {Map<string, string>} names by key
 * @returns {Promise<Map<string, unknown>>}
 */
async function readEach(access, names) {
  const keys = [...names.keys()];
  const asked = [...names.values()];
  /** @type {Map<string, unknown>} */
  const found = new Map();
  if (keys.length <= KEYS_A_READ) {
    await readSome(access, keys, asked, found);
    return found;
  }
  // The answers may come in another order than the keys.
  for (const key of keys) found.set(key, null);
  const starts = [];
  for (let at = 0; at < keys.length; at += KEYS_A_READ) starts.push(at);
  const errors = await each(starts, MOST_READS, (at) =>
    readSome(access, keys.slice(at, at + KEYS_A_READ), asked.slice(at, at + KEYS_A_READ), found),
  );
  if (errors.length > 0) throw errors[0];
  return found;
}

/**
 * Reads keys by one command.
 *
 * @param {import('./access.js').Access} access
 * @param {readonly string[]} keys
 * @param {string[]} names as the core knows them
 * @param {Map<string, unknown>} found
 */
async function readSome(access, keys, names, found) {
  const { session } = access;
  const { events, failOpen, store } = session;
  const listening = events.has.hit || events.has.miss;
  const started = begun(listening);
  const near = store.remote && store.tiered ? names.map((name) => store.near(name)) : [];
  const asked = near.length === 0 ? names : names.filter((_, at) => near[at] === undefined);
  const answers = asked.length === 0 ? [] : await failOpen.read(store.many(asked), [], 'many');
  const payloads = near.length === 0 ? answers : merged(near, answers);
  /** @type {Error | undefined} */
  let failure;
  for (let at = 0; at < keys.length; at++) {
    const payload = payloads[at];
    let value = null;
    if (payload instanceof Failure) failure ??= makeError(payload.code, payload.message);
    else if (listening) {
      const tier = near[at] === undefined ? session.tier : 'memory';
      value = valueOrNull(access.found(payload, names[at], 'many', started, tier));
    } else if (payload !== undefined) value = session.orNull(payload, names[at], 'many');
    found.set(keys[at], value);
  }
  // A part of a cluster is away: what the others have is served, and one event tells of all.
  if (failure !== undefined && !failOpen.hides(failure, 'many')) throw failure;
}

/**
 * What two tiers answered, in the order of the keys.
 *
 * @param {(Payload | null | undefined)[]} near `undefined` where the lower tier was asked
 * @param {(Payload | Failure | undefined)[]} answers those of the lower tier
 */
function merged(near, answers) {
  let next = 0;
  return near.map((payload) => (payload === undefined ? answers[next++] : (payload ?? undefined)));
}

/**
 * @param {import('./session.js').Session} session
 * @param {import('./access.js').Write[]} writes
 * @param {(write: import('./access.js').Write) => unknown} write
 * @param {boolean} droppable whether a write may be dropped while the backend is away: one event tells of all
 */
async function writeEach(session, writes, write, droppable) {
  const errors = await each(writes, session.options.atOnce, write);
  const outage = droppable && session.failOpen.enabled ? errors.find(isOutage) : undefined;
  const failure = outage === undefined ? errors[0] : errors.find((error) => !isOutage(error));
  if (outage !== undefined) session.failOpen.hides(outage, 'putMany');
  if (failure !== undefined) throw failure;
}

/**
 * Removes keys; how many held a value.
 *
 * @param {import('./access.js').Access} access
 * @param {string[]} names
 */
async function forgetEach(access, names) {
  let held = 0;
  const errors = await each(names, access.session.options.atOnce, (name) =>
    then(access.forget(name), (was) => {
      held += Number(was);
    }),
  );
  if (errors.length > 0) throw errors[0];
  return held;
}

exports.forgetEach = forgetEach;
exports.readEach = readEach;
exports.writeEach = writeEach;
