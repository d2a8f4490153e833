'use strict';

// What a document may be: its id, its revision, its members, its size.

const { Refusal, badRequest, illegalId, invalidJson } = require('./refusals.js');

const MAX_DOCUMENT_SIZE = 8_000_000;

// Members that CouchDB takes and forgets.
const IGNORED = new Set(['_revs_info', '_local_seq', '_conflicts', '_deleted_conflicts']);
// Members that it stores although their names begin with an underscore.
const STORED = /^_(access|replication_(state|state_time|state_reason|id|stats))$/;

function validateId(id) {
  if (typeof id !== 'string') throw illegalId('Document id must be a string');
  if (id === '') throw illegalId('Document id must not be empty');
  if (id === '_design/') throw illegalId('Illegal document id `_design/`');
  if (id.startsWith('_design/')) return;
  if (id.startsWith('_')) throw illegalId('Only reserved document ids may start with underscore.');
}

function validateRev(rev) {
  if (typeof rev !== 'string' || !/^[+-]?\d+-/.test(rev)) throw badRequest('Invalid rev format');
  return rev;
}

/** The number before the hyphen. */
const generation = (rev) => Number.parseInt(rev, 10);

/**
 * The id, the revision and the members of what a client wants to store.
 *
 * @param {any} json
 * @returns {{ id: string, rev: string | null, deleted: boolean, body: Record<string, any> }}
 */
function parseDocument(json) {
  if (!isObject(json)) throw badRequest('Document must be a JSON object');
  const document = { id: '', rev: /** @type {string | null} */ (null), deleted: false, body: {} };
  for (const [name, value] of Object.entries(json)) {
    if (name === '_id') {
      validateId(value);
      document.id = value;
    } else if (name === '_rev') document.rev = validateRev(value);
    else if (name === '_deleted' && typeof value === 'boolean') document.deleted = value;
    else if (!name.startsWith('_') || STORED.test(name)) set(document.body, name, value);
    else if (!IGNORED.has(name)) {
      throw new Refusal(400, 'doc_validation', `Bad special document member: ${name}`);
    }
  }
  if (encodedSize(document.body) > MAX_DOCUMENT_SIZE) {
    throw new Refusal(413, 'document_too_large', document.id);
  }
  return document;
}

/** `__proto__` is a name like any other. */
function set(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** The size that is held against the limit: without `_id` and `_rev`, and with strings as they are. */
function encodedSize(value) {
  if (typeof value === 'string') return 2 + Buffer.byteLength(value);
  if (value === null || typeof value !== 'object') return String(value).length;
  const sizes = Array.isArray(value)
    ? value.map((item) => encodedSize(item) + 1)
    : Object.entries(value).map(([name, member]) => encodedSize(name) + encodedSize(member) + 2);
  return sizes.length === 0 ? 2 : sizes.reduce((sum, size) => sum + size, 1);
}

/** What a body holds; the parser of CouchDB is stricter than that of JavaScript. */
function parseJson(bytes) {
  let value;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw invalidJson();
  }
  if (!isStrict(value)) throw invalidJson();
  return value;
}

function isStrict(value) {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (value === null || typeof value !== 'object') return true;
  return Object.entries(value).every(([name, member]) => name.isWellFormed() && isStrict(member));
}

function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

module.exports = {
  MAX_DOCUMENT_SIZE,
  generation,
  isObject,
  parseDocument,
  parseJson,
  validateId,
  validateRev,
};
