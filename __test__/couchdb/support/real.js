'use strict';

// A CouchDB that somebody else has started, for the tests that can use one.

const { randomBytes } = require('node:crypto');

const { request } = require('./client.js');

/**
 * The server that COUCHDB_URL names, which holds the credentials of an administrator, or `undefined`.
 *
 * @returns {{ url: string, origin: string } | undefined}
 */
function realServer() {
  const { COUCHDB_URL } = process.env;
  if (!COUCHDB_URL) return undefined;
  const url = COUCHDB_URL.replace(/\/+$/, '');
  const { origin, pathname } = new URL(url);
  return { url, origin: `${origin}${pathname}`.replace(/\/$/, '') };
}

/**
 * The name of a database that does not exist yet; it is deleted when the test `t` ends, if it does then.
 *
 * @param {string} url
 * @param {{ after: (hook: () => unknown) => void } | null} [t]
 */
function freshDatabase(url, t = null) {
  const name = `test-${randomBytes(8).toString('hex')}`;
  // A server that has been stopped by then has no database left.
  t?.after(() => request(url, 'DELETE', `/${name}`).catch(() => {}));
  return name;
}

module.exports = { freshDatabase, realServer };
