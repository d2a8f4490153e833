'use strict';

// The changes of a database: those until now, or as they happen.

const { badRequest } = require('./refusals.js');

// What CouchDB waits for a change, and the longest time between two heartbeats.
const LONGEST_WAIT = 60_000;

/**
 * @param {import('./database.js').Database} database
 * @param {URLSearchParams} query
 * @returns {import('./exchange.js').Reply}
 */
function changesReply(database, query) {
  const heartbeat = parseHeartbeat(query.get('heartbeat'));
  const feed = query.get('feed') ?? 'normal';
  const since = database.unpack(query.get('since') ?? undefined);
  const limit = Number(query.get('limit') ?? Infinity);
  if (since === null) throw badRequest("Malformed sequence supplied in 'since' parameter.");
  if (feed === 'continuous') {
    const timeout = Math.min(LONGEST_WAIT, Number(query.get('timeout') ?? LONGEST_WAIT));
    return {
      status: 200,
      stream: (output) => follow(database, output, { since, limit, heartbeat, timeout }),
    };
  }
  if (feed === 'normal') {
    return normal(database, { since, limit, descending: query.get('descending') === 'true' });
  }
  throw badRequest('Supported `feed` types: normal, continuous, live, longpoll, eventsource');
}

function parseHeartbeat(text) {
  if (text === null) return undefined;
  const value = text === 'true' ? LONGEST_WAIT : Number(text);
  if (!Number.isInteger(value)) {
    throw badRequest('Invalid heartbeat value. Expecting a positive integer value (in milliseconds).');
  }
  if (value > 0) return Math.min(LONGEST_WAIT, value);
  throw badRequest('The heartbeat value should be a positive integer (in milliseconds).');
}

function asRow(database, { seq, id, rev, deleted }) {
  return { seq: database.pack(seq), id, changes: [{ rev }], ...(deleted ? { deleted: true } : {}) };
}

function normal(database, { since, limit, descending }) {
  const all = database.changes(descending ? 0 : since);
  const rows = (descending ? all.toReversed() : all).slice(0, limit);
  const last = database.pack(rows.at(-1)?.seq ?? since);
  const pending = all.length - rows.length;
  const lines = rows.map((row, at) => `${at > 0 ? ',\r\n' : ''}${JSON.stringify(asRow(database, row))}`);
  const end = `\n],\n"last_seq":${JSON.stringify(last)},"pending":${pending}}\n`;
  return { status: 200, chunks: ['{"results":[\n', ...lines, end, '\n'] };
}

/** Lines of JSON, and empty ones that say that the connection is alive. */
function follow(database, output, { since, limit, heartbeat, timeout }) {
  let last = since;
  let left = limit;
  let timer;

  const stop = () => {
    clearTimeout(timer);
    database.off('change', onChange);
    database.off('end', end);
  };
  const end = () => {
    stop();
    output.write(`${JSON.stringify({ last_seq: database.pack(last), pending: 0 })}\n`);
    output.write('\n');
    output.end();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(heartbeat === undefined ? end : beat, heartbeat ?? timeout);
  };
  const beat = () => {
    output.write('\n');
    wait();
  };
  const send = () => {
    const rows = database.changes(last).slice(0, left);
    if (rows.length > 0) {
      output.write(rows.map((row) => `${JSON.stringify(asRow(database, row))}\n`).join(''));
      last = rows[rows.length - 1].seq;
      left -= rows.length;
    }
    if (left <= 0) end();
    else wait();
    return rows.length;
  };
  const onChange = () => {
    // CouchDB says so before it looks what has changed.
    output.write('\n');
    send();
  };

  output.onClose(stop);
  database.on('change', onChange);
  database.on('end', end);
  // So that the client knows that it is connected.
  if (send() === 0) output.write('\n');
}

module.exports = { changesReply };
