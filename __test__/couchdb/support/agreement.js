'use strict';

// What a CouchDB does, as far as the tests of the driver stand on it. It is asked of the fake, and of a real
// one where there is one: what holds of both holds of the fake's answers to the driver.

const { documents } = require('./agreement-documents.js');
const { bulk } = require('./agreement-bulk.js');
const { databases } = require('./agreement-databases.js');
const { follows } = require('./agreement-changes.js');
const { rows } = require('./agreement-rows.js');
const { request } = require('./client.js');
const { freshDatabase } = require('./real.js');

/**
 * @typedef {object} Subject one database of a server
 * @property {string} url of the server, with an administrator's credentials
 * @property {string} name
 * @property {(method: string, path: string, body?: any, headers?: Record<string, string>) =>
 *   ReturnType<typeof request>} ask the path is that in the database
 * @property {(id: string, body?: any) => Promise<string>} put stores a document, answers with its revision
 *
 * @typedef {(t: import('node:test').TestContext) => Promise<Subject>} Open
 */

/**
 * @param {() => string} url of the server, known when the tests run
 */
function agreement(url) {
  /** @type {Open} */
  const open = async (t) => {
    const name = freshDatabase(url(), t);
    const ask = (method, path, body, headers = {}) =>
      request(url(), method, `/${name}${path}`, body, { headers });
    const put = async (id, body = {}) => {
      const stored = await ask('PUT', `/${encodeURIComponent(id)}`, body);
      if (stored.status !== 201) throw new Error(stored.text);
      return stored.body.rev;
    };
    await ask('PUT', '');
    return { url: url(), name, ask, put };
  };
  databases(open);
  documents(open);
  bulk(open);
  rows(open);
  follows(open);
}

module.exports = { agreement };
