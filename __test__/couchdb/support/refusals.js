'use strict';

// What CouchDB answers when it does not do what it was asked.

class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} error
   * @param {string | null} reason
   * @param {Record<string, string>} [headers]
   */
  constructor(status, error, reason, headers = {}) {
    super(`${status} ${error}: ${reason}`);
    this.status = status;
    this.error = error;
    this.reason = reason;
    this.headers = headers;
  }

  /** The answer to a request. */
  get reply() {
    return {
      status: this.status,
      headers: this.headers,
      json: { error: this.error, reason: this.reason },
    };
  }

  /** The row of a bulk request. */
  row(id) {
    return { id, error: this.error, reason: this.reason };
  }
}

const badRequest = (reason) => new Refusal(400, 'bad_request', reason);
const conflict = () => new Refusal(409, 'conflict', 'Document update conflict.');
const forbidden = (reason) => new Refusal(403, 'forbidden', reason);
const illegalId = (reason) => new Refusal(400, 'illegal_docid', reason);
const invalidJson = () => badRequest('invalid UTF-8 JSON');
const locked = () => forbidden('Account is temporarily locked due to multiple authentication failures');
const methodNotAllowed = (methods) =>
  new Refusal(405, 'method_not_allowed', `Only ${methods} allowed`, { Allow: methods });
const noDatabase = () => notFound('Database does not exist.');
const noShards = () => new Refusal(500, 'internal_server_error', 'No DB shards could be opened.');
const notFound = (reason) => new Refusal(404, 'not_found', reason);
const queryError = (reason) => new Refusal(400, 'query_parse_error', reason);
const unauthorized = (reason) => new Refusal(401, 'unauthorized', reason);

module.exports = {
  Refusal,
  badRequest,
  conflict,
  forbidden,
  illegalId,
  invalidJson,
  locked,
  methodNotAllowed,
  noDatabase,
  noShards,
  notFound,
  queryError,
  unauthorized,
};
