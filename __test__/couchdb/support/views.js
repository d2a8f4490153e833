'use strict';

// Map functions of design documents, run as they are written.

const vm = require('node:vm');

const { compareIds, compareKeys } = require('./collation.js');
const { isObject } = require('./documents.js');
const { Refusal, notFound, queryError } = require('./refusals.js');
const { parseSelection, rowsReply, selectRange } = require('./rows.js');

const IMPOSSIBLE =
  'No rows can match your key range, reverse your start_key and end_key or set descending=true';

/** @type {WeakMap<import('./database.js').Database, Map<string, any>>} */
const indexes = new WeakMap();

/** Refuses a design document that CouchDB would refuse. */
function validateDesign({ views = {} }) {
  for (const [name, view] of Object.entries(views)) {
    if (!isObject(view)) {
      throw new Refusal(400, 'invalid_design_doc', `\`views.${name}\` field must have object type`);
    }
    try {
      compile(view.map);
    } catch (error) {
      const reason = `Compilation of the map function in the '${name}' view failed: ${error}`;
      throw new Refusal(400, 'compilation_error', reason);
    }
  }
}

/** In a context of its own: takes a document as JSON and answers with what it emits, as JSON. */
function compile(source) {
  const script = new vm.Script(`(function () {
    const map = (${source}\n);
    let emitted;
    globalThis.emit = (key, value) => emitted.push([key ?? null, value ?? null]);
    return (json) => {
      emitted = [];
      try {
        map(JSON.parse(json));
      } catch {
        emitted = [];
      }
      return JSON.stringify(emitted);
    };
  })()`);
  return script.runInNewContext();
}

/**
 * @param {import('./database.js').Database} database
 * @param {string} design the name of its document, without `_design/`
 * @param {string} view
 * @param {{ query: URLSearchParams, body?: Record<string, any> }} parameters
 */
function queryView(database, design, view, { query, body }) {
  const id = `_design/${design}`;
  const document = database.read(id);
  if (document === undefined) throw notFound(database.entry(id) ? 'deleted' : 'missing');
  const definition = document.views?.[view];
  if (definition === undefined) throw notFound('missing_named_view');
  const selection = parseSelection(query, body);
  if (selection.reduce) throw queryError('Reduce is invalid for map-only views.');
  checkRange(selection);

  const rows = indexed(database, `${id}/${view}`, definition.map, selection.update);
  const { keys } = selection;
  const ranges =
    keys === undefined
      ? [selection]
      : keys.map((key) => ({ ...selection, startKey: key, endKey: key, skip: 0, limit: Infinity }));
  const selected = ranges.map((range) => selectRange(rows, range, compareRows));
  const { skip, limit } = keys === undefined ? { skip: 0, limit: Infinity } : selection;
  const found = selected.flatMap((each) => each.rows).slice(skip, skip + limit);
  return rowsReply({
    total: rows.length,
    offset: selected[0]?.offset ?? 0,
    rows: found.map((row) => (selection.includeDocs ? { ...row, doc: database.read(row.id) ?? null } : row)),
  });
}

function checkRange({ startKey, endKey, descending }) {
  if (startKey === undefined || endKey === undefined) return;
  const order = compareKeys(startKey, endKey);
  if (descending ? order < 0 : order > 0) throw queryError(IMPOSSIBLE);
}

/** The rows of a view, brought up to date unless that is not wanted. */
function indexed(database, name, source, update) {
  const known = indexes.get(database) ?? new Map();
  indexes.set(database, known);
  let index = known.get(name);
  if (index?.source !== source) index = { source, map: compile(source), seq: -1, rows: [] };
  known.set(name, index);
  const { rows } = index;
  if (update === 'false' || index.seq === database.updateSeq) return rows;
  index.rows = build(database, index.map);
  index.seq = database.updateSeq;
  return update === 'lazy' ? rows : index.rows;
}

function build(database, map) {
  return database
    .documents()
    .filter(({ _id }) => !_id.startsWith('_design/'))
    .flatMap((document) =>
      JSON.parse(map(JSON.stringify(document))).map(([key, value]) => ({ id: document._id, key, value })),
    )
    .sort(compareRows);
}

function compareRows(a, b) {
  const order = compareKeys(a.key, b.key);
  return order !== 0 || a.id === undefined || b.id === undefined ? order : compareIds(a.id, b.id);
}

module.exports = { queryView, validateDesign };
