'use strict';

// The server and its databases, as requests see them.

const { changesReply } = require('./changes.js');
const { Database } = require('./database.js');
const { isObject, validateRev } = require('./documents.js');
const { bulkDocs, bulkGet, documentReply } = require('./document-routes.js');
const refusals = require('./refusals.js');
const { compareIds, compareKeys } = require('./collation.js');
const { parseKeys, parseSelection, rowsReply, selectRange } = require('./rows.js');
const { queryView } = require('./views.js');

const { Refusal } = refusals;
const MOST_PURGED_IDS = 100;
const MOST_PURGED_REVS = 1000;
const LONGEST_NAME = 238;
const OK = { status: 200, json: { ok: true } };

/**
 * @typedef {object} Context
 * @property {Map<string, Database>} databases
 * @property {import('./auth.js').Auth} auth
 * @property {string} version
 * @property {() => number} now
 * @property {boolean} strict
 */

/**
 * @param {Context} context
 * @param {import('./exchange.js').Request} request
 * @returns {import('./exchange.js').Reply}
 */
function route(context, request) {
  const reply = attempt(context, request);
  const unread = !request.empty && !request.consumed;
  return unread ? { ...reply, headers: { ...reply.headers, Connection: 'close' } } : reply;
}

function attempt(context, request) {
  if (request.tooLong) return { status: 400, bare: true, headers: { Connection: 'close' } };
  try {
    if (request.foreign) throw refusals.notFound('missing');
    const [name, ...rest] = request.parts;
    const user = context.auth.authenticate(request.headers.authorization);
    request.user = user.name;
    if (name === undefined) return get(request, 'GET,HEAD', () => welcome(context));
    if (name === '_up') {
      return get(request, 'GET,HEAD', () => ({ status: 200, json: { status: 'ok', seeds: {} } }));
    }
    if (name === '_users' && rest.length === 1) return usersReply(context, request, user, rest[0]);
    return databaseReply(context, request, user, name, rest);
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

const isGet = ({ method }) => method === 'GET' || method === 'HEAD';

function get(request, methods, answer) {
  if (isGet(request)) return answer();
  throw refusals.methodNotAllowed(methods);
}

function post(request) {
  if (request.method !== 'POST') throw refusals.methodNotAllowed('POST');
  requireJson(request);
}

function requireJson({ headers }) {
  if (headers['content-type']?.split(';')[0] === 'application/json') return;
  throw new Refusal(415, 'bad_content_type', 'Content-Type must be application/json');
}

function object(request) {
  const json = request.json();
  if (isObject(json)) return json;
  throw refusals.badRequest('Request body must be a JSON object');
}

function welcome({ version }) {
  const vendor = { name: 'The Apache Software Foundation' };
  const json = {
    couchdb: 'Welcome',
    version,
    git_sha: '0000000',
    uuid: '0'.repeat(32),
    features: [],
    vendor,
  };
  return { status: 200, json };
}

/** Only enough for a test to make users and to remove them. */
function usersReply({ auth }, request, user, id) {
  auth.requireAdmin(user);
  const name = id.replace(/^org\.couchdb\.user:/, '');
  if (request.method === 'PUT') auth.add(name, object(request).password);
  else if (request.method !== 'DELETE') throw refusals.methodNotAllowed('PUT,DELETE');
  else if (!auth.remove(name)) throw refusals.notFound('missing');
  const rev = `1-${'0'.repeat(32)}`;
  return { status: request.method === 'PUT' ? 201 : 200, json: { ok: true, id, rev } };
}

function databaseReply(context, request, user, name, rest) {
  const { auth, databases } = context;
  const [second] = rest;
  if (second === undefined && request.method === 'PUT') return create(context, request, user, name);
  if (second === undefined && request.method === 'DELETE') return destroy(context, request, user, name);
  if (second === '_purge') auth.requireAdmin(user);
  const database = databases.get(name);
  if (database === undefined) throw refusals.noDatabase();
  auth.requireMember(user, database);
  const own = { database, admin: auth.isDatabaseAdmin(user, database) };
  if (second === undefined && request.method === 'POST') requireJson(request);
  if (second === undefined && request.method !== 'POST') {
    return get(request, 'DELETE,GET,HEAD,POST', () => ({ status: 200, json: database.info() }));
  }
  if (rest.length === 4 && second === '_design' && rest[2] === '_view') {
    return viewReply(database, request, rest);
  }
  const handler = rest.length === 1 ? HANDLERS.get(second) : undefined;
  return handler ? handler(own, request, context) : documentReply(own, request, rest);
}

function create(context, request, user, name) {
  const { auth, databases } = context;
  auth.requireAdmin(user);
  if (!/^[a-z][a-z0-9_$()+/-]*$/.test(name)) {
    const reason =
      `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters ` +
      '_, $, (, ), +, -, and / are allowed. Must begin with a letter.';
    throw new Refusal(400, 'illegal_database_name', reason);
  }
  if (databases.has(name)) {
    throw new Refusal(412, 'file_exists', 'The database could not be created, the file already exists.');
  }
  if (name.length > LONGEST_NAME) {
    const reason = `At least one path segment of \`${name}\` is too long.`;
    throw new Refusal(400, 'database_name_too_long', reason);
  }
  databases.set(name, new Database(name, context));
  const Location = `http://${request.headers.host}/${encodeURIComponent(name)}`;
  return { status: 201, headers: { Location }, json: { ok: true } };
}

function destroy({ auth, databases }, request, user, name) {
  auth.requireAdmin(user);
  if (request.query.has('rev')) {
    const reason =
      'You tried to DELETE a database with a ?=rev parameter. ' +
      'Did you mean to DELETE a document instead?';
    throw refusals.badRequest(reason);
  }
  const database = databases.get(name);
  if (database === undefined) throw refusals.noDatabase();
  databases.delete(name);
  database.destroy();
  return OK;
}

function viewReply(database, request, [, design, , view]) {
  if (isGet(request)) return queryView(database, design, view, request);
  post(request);
  return queryView(database, design, view, { query: request.query, body: object(request) });
}

function allDocs({ database }, request) {
  let body = {};
  if (!isGet(request)) {
    post(request);
    body = object(request);
  }
  const selection = parseSelection(request.query, body);
  const where = isGet(request) ? 'parameter' : 'body member';
  const keys = parseKeys(selection, `\`keys\` ${where} must be an array.`);
  const found = keys === undefined ? range(database, selection) : listed(database, keys, selection);
  return rowsReply({ total: database.count, ...found });
}

function range(database, selection) {
  const ids = database.ids().map((id) => ({ id, key: id }));
  const compare = (a, b) =>
    typeof b.key === 'string' ? compareIds(a.key, b.key) : compareKeys(a.key, b.key);
  const { offset, rows } = selectRange(ids, selection, compare);
  return { offset, rows: rows.map(({ id }) => row(database, id, selection)) };
}

function listed(database, keys, selection) {
  const { descending, skip, limit } = selection;
  const wanted = (descending ? keys.toReversed() : keys).slice(skip, skip + limit);
  return { offset: null, rows: wanted.map((id) => row(database, id, selection)) };
}

function row(database, id, { includeDocs }) {
  const latest = database.latest(id);
  if (latest === undefined) return { key: id, error: 'not_found' };
  const value = { rev: latest._rev, ...(latest._deleted ? { deleted: true } : {}) };
  return { id, key: id, value, ...(includeDocs ? { doc: latest._deleted ? null : latest } : {}) };
}

function purge({ database }, request) {
  post(request);
  const wanted = Object.entries(object(request));
  for (const [, revs] of wanted) {
    if (!Array.isArray(revs)) throw refusals.badRequest('Invalid list of revisions');
    revs.forEach(validateRev);
  }
  if (wanted.length > MOST_PURGED_IDS) throw refusals.badRequest('Exceeded maximum number of documents.');
  if (wanted.flatMap(([, revs]) => revs).length > MOST_PURGED_REVS) {
    throw refusals.badRequest('Exceeded maximum number of revisions.');
  }
  const purged = Object.fromEntries(wanted.map(([id, revs]) => [id, database.purge(id, revs)]));
  return { status: 201, json: { purge_seq: null, purged } };
}

function revsLimit({ database, admin }, request) {
  if (isGet(request)) return { status: 200, json: database.revsLimit };
  if (request.method !== 'PUT') throw refusals.methodNotAllowed('PUT,GET');
  const limit = request.json();
  if (!Number.isInteger(limit) || limit <= 0) throw new Refusal(500, 'unknown_error', 'function_clause');
  if (!admin) {
    const reason = '{error,{forbidden,<<"You are not a db or server admin.">>}}';
    throw new Refusal(500, 'badmatch', reason);
  }
  database.revsLimit = limit;
  return OK;
}

function security({ database, admin }, request, { auth }) {
  if (isGet(request)) return { status: 200, json: auth.security(database) };
  if (request.method !== 'PUT') throw refusals.methodNotAllowed('PUT,GET');
  const json = object(request);
  if (!admin) throw new Refusal(500, 'error', 'no_majority');
  database.security = json;
  return OK;
}

function compact({ database, admin }, request) {
  if (!admin) throw refusals.unauthorized('You are not a server or db admin.');
  post(request);
  database.compact();
  return { status: 202, json: { ok: true } };
}

function bulk(reply) {
  return (own, request) => {
    post(request);
    return reply(own, request, object(request));
  };
}

function changes({ database }, request) {
  if (!isGet(request)) post(request);
  request.consumed = true;
  return changesReply(database, request.query);
}

/** @type {Map<string, (own: any, request: any, context: any) => import('./exchange.js').Reply>} */
const HANDLERS = new Map([
  ['_all_docs', allDocs],
  ['_bulk_docs', bulk(bulkDocs)],
  ['_bulk_get', bulk(bulkGet)],
  ['_changes', changes],
  ['_compact', compact],
  ['_purge', purge],
  ['_revs_limit', revsLimit],
  ['_security', security],
]);

module.exports = { route };
