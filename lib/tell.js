'use strict';

/** What was changed, told to who listens: no event is made where nobody does. */

const { elapsed } = require('./elapsed.js');

/** @typedef {import('./session.js').Session} Session */
/** @typedef {{ name: string; value: unknown; millis: number; tags: readonly string[] }} Written as the core knows it */

/**
 * @param {Session} session
 * @param {Written} written
 * @param {number} started
 */
function tellWritten(session, { name, value, millis, tags }, started) {
  const { events, tier } = session;
  if (!events.has.write) return;
  events.emit('write', {
    key: session.shown(name),
    value,
    ttl: millis / 1000,
    tags: tags.map((tag) => session.shown(tag)),
    tier,
    durationMs: elapsed(started),
  });
}

/**
 * @param {Session} session
 * @param {string} name
 * @param {number} started
 */
function tellDeleted(session, name, started) {
  const { events } = session;
  if (!events.has.delete) return;
  events.emit('delete', { key: session.shown(name), durationMs: elapsed(started) });
}

/**
 * @param {Session} session
 * @param {string} name
 * @param {number} started
 */
function tellRefreshed(session, name, started) {
  const { events } = session;
  if (!events.has.refresh) return;
  events.emit('refresh', { key: session.shown(name), durationMs: elapsed(started) });
}

/**
 * @param {Session} session
 * @param {readonly string[]} tags
 * @param {number} started
 */
function tellFlushed(session, tags, started) {
  const { events } = session;
  if (!events.has.invalidate) return;
  const shown = tags.map((tag) => session.shown(tag));
  events.emit('invalidate', { tags: shown, durationMs: elapsed(started) });
}

exports.tellDeleted = tellDeleted;
exports.tellFlushed = tellFlushed;
exports.tellRefreshed = tellRefreshed;
exports.tellWritten = tellWritten;
