'use strict';

const { writeFileSync } = require('node:fs');
const path = require('node:path');

const { temporaryDirectory } = require('../../support/processes.js');
const { authority } = require('./x509.js');

/**
 * @typedef {object} Certificates
 * @property {string} ca the authority that signed all of them but `stranger`
 * @property {string} wrongCa an authority that signed none of them
 * @property {string} cert the server's, for 127.0.0.1 and localhost
 * @property {string} key
 * @property {import('./x509.js').Identity} client a client's
 * @property {import('./x509.js').Identity} stranger a client's, signed by `wrongCa`
 * @property {{ ca: string, cert: string, key: string }} files the server's, as files
 */

/**
 * The certificates of a test, made anew: none in the repository can expire.
 *
 * @param {{ hosts?: string[], days?: [number, number] }} [options] the hosts that the server's certificate
 *   is for, and from when until when it holds, in days from today
 * @returns {Certificates}
 */
function makeCertificates({ hosts = ['127.0.0.1', 'localhost'], days = [-1, 30] } = {}) {
  const own = authority('Test CA');
  const wrong = authority('Another CA');
  const server = own.issue({ commonName: 'redis-server', hosts, days });
  const client = own.issue({ commonName: 'client' });
  const stranger = wrong.issue({ commonName: 'client' });

  const directory = temporaryDirectory();
  const file = (name, text) => {
    const at = path.join(directory, name);
    writeFileSync(at, text, { mode: 0o600 });
    return at;
  };
  return {
    ca: own.cert,
    wrongCa: wrong.cert,
    cert: server.cert,
    key: server.key,
    client,
    stranger,
    files: {
      ca: file('ca.crt', own.cert),
      cert: file('server.crt', server.cert),
      key: file('server.key', server.key),
    },
  };
}

module.exports = { makeCertificates };
