'use strict';

// Documents as requests see them: one by one and in bulk.

const { randomBytes } = require('node:crypto');

const { generation, parseDocument, validateId, validateRev } = require('./documents.js');
const refusals = require('./refusals.js');
const { validateDesign } = require('./views.js');

const { Refusal } = refusals;

/**
 * @typedef {object} Own the database of a request, and whether who asks is its administrator
 * @property {import('./database.js').Database} database
 * @property {boolean} admin
 */

/**
 * @param {Own} own
 * @param {import('./exchange.js').Request} request
 * @param {string[]} path the parts after the database
 * @returns {import('./exchange.js').Reply}
 */
function documentReply(own, request, path) {
  if (path.length === 0) return postDocument(own, request);
  const id = path[0] === '_design' && path.length === 2 ? path.join('/') : path[0];
  // Attachments: there are none.
  if (path.length > 1 && !id.startsWith('_design/')) {
    throw refusals.notFound('Document is missing attachment');
  }
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return path[0].startsWith('_design/') ? redirect(request) : getDocument(own, request, id);
    case 'PUT':
      return putDocument(own, request, id);
    case 'DELETE':
      return deleteDocument(own, request, id);
    default:
      throw refusals.methodNotAllowed('DELETE,GET,HEAD,POST,PUT,COPY');
  }
}

function redirect({ headers, path }) {
  const Location = `http://${headers.host}${path.replace(/_design%2F/i, '_design/')}`;
  return { status: 301, headers: { Location } };
}

/** Deleted documents are missing for another reason. */
function missing(database, id) {
  return refusals.notFound(database.latest(id)?._deleted ? 'deleted' : 'missing');
}

function getDocument({ database }, { query, headers, fails }, id) {
  if (fails?.({ _id: id })) throw new Refusal(500, 'error', 'read_failure');
  const rev = query.get('rev') ?? undefined;
  if (rev !== undefined) validateRev(rev);
  const document = database.read(id, rev);
  if (document === undefined) throw rev === undefined ? missing(database, id) : refusals.notFound('missing');
  const ETag = `"${document._rev}"`;
  if (headers['if-none-match'] === ETag) return { status: 304, headers: { ETag } };
  const json = query.get('revs') === 'true' ? withRevisions(database, document) : document;
  return { status: 200, headers: { ETag }, json };
}

function withRevisions(database, document) {
  const revs = database.entry(document._id).revisions.map(({ rev }) => rev);
  const ids = revs.slice(revs.indexOf(document._rev)).map((rev) => rev.slice(rev.indexOf('-') + 1));
  return { ...document, _revisions: { start: generation(document._rev), ids } };
}

function putDocument(own, request, id) {
  const asked = request.query.get('rev') ?? undefined;
  if (asked !== undefined) validateRev(asked);
  wellFormed(id);
  validateId(id);
  const document = { ...parseDocument(request.json()), id };
  document.rev = givenRev(request, document.rev, asked);
  return stored(own, request, document);
}

function deleteDocument(own, request, id) {
  const { database } = own;
  const asked = request.query.get('rev') ?? undefined;
  if (database.read(id) === undefined) throw missing(database, id);
  if (asked !== undefined) validateRev(asked);
  const rev = givenRev(request, null, asked);
  return stored(own, request, { id, rev, deleted: true, body: {} });
}

function postDocument(own, request) {
  const document = parseDocument(request.json());
  document.id ||= randomBytes(16).toString('hex');
  const { headers, ...reply } = stored(own, request, document);
  return { ...reply, headers: { Location: headers.Location } };
}

function wellFormed(id) {
  if (!id.isWellFormed()) throw refusals.illegalId('Document id must be valid UTF-8');
}

/** The revision of the body, of the query and of If-Match, which must be the same. */
function givenRev({ headers }, inBody, inQuery) {
  if (inBody !== null && inQuery !== undefined && inBody !== inQuery) {
    throw refusals.badRequest('Document rev from request body and query string have different values');
  }
  const explicit = inBody ?? inQuery ?? null;
  if (headers['if-match'] === undefined) return explicit;
  const tag = validateRev(headers['if-match'].replaceAll('"', ''));
  if (explicit === null || explicit === tag) return tag;
  throw refusals.badRequest('Document rev and etag have different values');
}

function stored(own, request, document) {
  const { database } = own;
  const { id, deleted } = document;
  const rev = store(own, request, document);
  const Location = `http://${request.headers.host}/${[database.name, id].map(encodeURIComponent).join('/')}`;
  return {
    status: deleted ? 200 : 201,
    headers: { ETag: `"${rev}"`, ...(request.method === 'DELETE' ? {} : { Location }) },
    json: { ok: true, id, rev },
  };
}

/** Stores a document, or throws why not. */
function store({ database, admin }, request, document) {
  const { id, rev, deleted, body } = document;
  const json = { _id: id, _rev: rev, _deleted: deleted, ...body };
  if (request.fails?.(json)) throw new Refusal(500, 'error', 'internal_server_error');
  if (request.conflicts?.(json)) throw refusals.conflict();
  if (id.startsWith('_design/')) {
    if (!admin) throw refusals.forbidden('You are not a db or server admin.');
    validateDesign(body);
  }
  const created = database.update(document);
  if (created === null) throw refusals.conflict();
  return created;
}

/** Row by row in order; what no document can be fails all of them before the first is stored. */
function bulkDocs(own, request, { docs }) {
  if (docs === undefined) throw refusals.badRequest('POST body must include `docs` parameter.');
  if (!Array.isArray(docs)) throw refusals.badRequest('`docs` parameter must be an array.');
  const documents = docs.map((json) => {
    const document = parseDocument(json);
    // Only a missing id is made up: one that is empty has been refused.
    document.id ||= randomBytes(16).toString('hex');
    return document;
  });
  let status = 201;
  const rows = documents.map((document) => {
    try {
      return { ok: true, id: document.id, rev: store(own, request, document) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      // One row is enough for this, whatever became of the others.
      if (error.status === 500) status = 500;
      return error.row(document.id);
    }
  });
  return { status, json: rows };
}

/** A deleted document is found as well. */
function bulkGet({ database }, request, { docs }) {
  if (docs === undefined) throw refusals.badRequest("Missing JSON list of 'docs'.");
  const results = docs.map((asked) => {
    const id = asked?.id ?? null;
    try {
      return { id, docs: [{ ok: lookUp(database, request, asked) }] };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const rev = asked?.rev ?? (error.status === 400 ? null : 'undefined');
      return { id, docs: [{ error: { rev, ...error.row(id) } }] };
    }
  });
  return { status: 200, json: { results } };
}

function lookUp(database, { query, fails }, asked) {
  const { id, rev } = asked ?? {};
  if (asked === null || typeof asked !== 'object' || Object.keys(asked).length === 0) {
    throw refusals.badRequest('document must be a JSON object');
  }
  if (id === undefined) throw refusals.badRequest('document id missed');
  validateId(id);
  if (rev !== undefined) validateRev(rev);
  if (fails?.({ _id: id })) throw new Refusal(500, 'internal_fabric_error', '{error,missing_target}');
  const document = rev === undefined ? database.latest(id) : database.read(id, rev);
  if (document === undefined) throw refusals.notFound('missing');
  return query.get('revs') === 'true' ? withRevisions(database, document) : document;
}

module.exports = { bulkDocs, bulkGet, documentReply };
