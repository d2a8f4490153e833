'use strict';

// What `_all_docs` and views have in common: the parameters, and which rows they select.

const { parseJson } = require('./documents.js');
const { badRequest, queryError } = require('./refusals.js');

const asIs = (value) => value;
const asText = (value) => `${value}`;

/** Where a parameter goes, and how it is read. @type {Record<string, [string, (value: any) => any]>} */
const NAMES = {
  keys: ['keys', asIs],
  startkey: ['startKey', asIs],
  start_key: ['startKey', asIs],
  endkey: ['endKey', asIs],
  end_key: ['endKey', asIs],
  startkey_docid: ['startId', asText],
  start_key_doc_id: ['startId', asText],
  endkey_docid: ['endId', asText],
  end_key_doc_id: ['endId', asText],
  limit: ['limit', number],
  skip: ['skip', number],
  descending: ['descending', boolean],
  include_docs: ['includeDocs', boolean],
  inclusive_end: ['inclusiveEnd', boolean],
  reduce: ['reduce', boolean],
  update: ['update', asText],
  stale: ['update', (value) => (value === 'ok' ? 'false' : 'lazy')],
};
const PARAMETERS = new Map(Object.entries(NAMES));

/**
 * @typedef {object} Selection
 * @property {any[]} [keys]
 * @property {any} [startKey]
 * @property {any} [endKey]
 * @property {string} [startId]
 * @property {string} [endId]
 * @property {number} limit
 * @property {number} skip
 * @property {boolean} descending
 * @property {boolean} includeDocs
 * @property {boolean} inclusiveEnd
 * @property {boolean} reduce
 * @property {string} update
 */

/**
 * Reads the parameters of the body, then those of the query, which win.
 *
 * @param {URLSearchParams} query
 * @param {Record<string, any>} [body]
 * @returns {Selection}
 */
function parseSelection(query, body = {}) {
  const selection = {
    limit: Infinity,
    skip: 0,
    descending: false,
    includeDocs: false,
    inclusiveEnd: true,
    reduce: false,
    update: 'true',
  };
  for (const [name, value] of Object.entries(body)) take(selection, name, value);
  for (const [name, value] of query) {
    const isKey = name === 'key' || PARAMETERS.get(name)?.[1] === asIs;
    take(selection, name, isKey ? parseJson(Buffer.from(value)) : value);
  }
  return selection;
}

function take(selection, name, value) {
  if (name === 'key') Object.assign(selection, { startKey: value, endKey: value });
  const [field, read] = PARAMETERS.get(name) ?? [];
  if (field !== undefined && read !== undefined) selection[field] = read(value);
}

function number(value) {
  if (!/^[+-]?\d+$/.test(`${value}`)) throw queryError(`Invalid value for integer: ${JSON.stringify(value)}`);
  if (Number(value) >= 0) return Number(value);
  throw queryError(`Invalid value for positive integer: ${JSON.stringify(value)}`);
}

function boolean(value) {
  const text = `${value}`.toLowerCase();
  if (text === 'true' || text === 'false') return text === 'true';
  throw queryError(`Invalid boolean parameter: ${JSON.stringify(value)}`);
}

/** The keys, if rows are asked for by keys. */
function parseKeys(selection, reason) {
  const { keys } = selection;
  if (keys === undefined || Array.isArray(keys)) return keys;
  throw badRequest(reason);
}

/**
 * The rows of a range, and how many come before them.
 *
 * @template {{ id: string, key: any }} Row
 * @param {readonly Row[]} sorted by `compare`, ascending
 * @param {Selection} selection
 * @param {(a: { key: any, id?: string }, b: { key: any, id?: string }) => number} compare ids count only
 *   where both have one
 */
function selectRange(sorted, selection, compare) {
  const { startKey, startId, endKey, endId, descending, inclusiveEnd, limit, skip } = selection;
  const rows = descending ? sorted.toReversed() : sorted;
  const direction = descending ? -1 : 1;
  const begun = (row) =>
    startKey === undefined ||
    direction * compare(row, { key: startKey, ...(startId && { id: startId }) }) >= 0;
  const ended = (row) => {
    if (endKey === undefined) return false;
    const order = direction * compare(row, { key: endKey, ...(endId && { id: endId }) });
    return inclusiveEnd ? order > 0 : order >= 0;
  };
  const before = rows.filter((row) => !begun(row)).length;
  const selected = rows.slice(before).filter((row) => !ended(row));
  return {
    offset: Math.min(sorted.length, before + skip),
    rows: selected.slice(skip, skip + limit),
  };
}

/** An answer that comes in chunks, as CouchDB sends rows. */
function rowsReply({ total, offset, rows }) {
  const head = `{"total_rows":${total},"offset":${offset},"rows":[\r\n`;
  const chunks = [];
  let chunk = head;
  for (const [at, row] of rows.entries()) {
    const text = `${at > 0 ? ',\r\n' : ''}${JSON.stringify(row)}`;
    if (chunk.length + text.length > CHUNK) {
      chunks.push(chunk);
      chunk = '';
    }
    chunk += text;
  }
  return { status: 200, chunks: [...chunks, `${chunk}\r\n]}`, '\n'] };
}

const CHUNK = 1490;

module.exports = { parseKeys, parseSelection, rowsReply, selectRange };
