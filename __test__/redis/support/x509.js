'use strict';

// As much of X.509 as a test's certificates need, written with node:crypto alone: not every machine has
// the openssl command.

const { createHash, generateKeyPairSync, randomBytes, sign } = require('node:crypto');
const { isIP } = require('node:net');

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const SUBJECT_KEY_ID = '2.5.29.14';
const KEY_USAGE = '2.5.29.15';
const ALTERNATIVE_NAMES = '2.5.29.17';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY_ID = '2.5.29.35';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SERVER_AND_CLIENT = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

const DAY = 86_400_000;

/** One element of DER: its tag, its length, what it holds. */
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  const size = content.length;
  let length = [size];
  if (size > 0xff) length = [0x82, size >> 8, size & 0xff];
  else if (size > 0x7f) length = [0x81, size];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts) => der(0x30, ...parts);
const bits = (unused, bytes) => der(0x03, Buffer.from([unused]), bytes);
const TRUE = der(0x01, Buffer.from([0xff]));

function objectId(dotted) {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

const name = (commonName) =>
  sequence(der(0x31, sequence(objectId(COMMON_NAME), der(0x0c, Buffer.from(commonName)))));

/** `20260102030405Z`, without the century before 2050, as the standard has it. */
const time = (date) => der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

const alternativeName = (host) =>
  isIP(host) === 4
    ? der(0x87, Buffer.from(host.split('.').map(Number)))
    : der(0x82, Buffer.from(host, 'latin1'));

const extension = (id, value, critical = false) =>
  sequence(objectId(id), ...(critical ? [TRUE] : []), der(0x04, value));

function pem(label, bytes) {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

const keyId = (publicKey) => createHash('sha1').update(publicKey).digest();

/** @typedef {{ cert: string, key: string }} Identity a certificate and its private key, as PEM */

/**
 * A certificate authority of its own.
 *
 * @param {string} authorityName
 * @returns {{ cert: string, issue: (of: { commonName: string, hosts?: string[], days?: [number, number] }) => Identity }}
 *   `days` is from when until when the certificate holds, counted from today
 */
function authority(authorityName) {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ownPublic = own.publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = sequence(objectId(ECDSA_WITH_SHA256));

  const certificate = (commonName, publicKey, [from, to], extensions) => {
    // The first byte keeps the number positive and its encoding as short as it must be.
    const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)]);
    const validity = [from, to].map((days) => time(new Date(Date.now() + days * DAY)));
    const body = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, serial),
      algorithm,
      name(authorityName),
      sequence(...validity),
      name(commonName),
      publicKey,
      der(0xa3, sequence(...extensions)),
    );
    const signature = sign('sha256', body, own.privateKey);
    return pem('CERTIFICATE', sequence(body, algorithm, bits(0, signature)));
  };

  const cert = certificate(
    authorityName,
    ownPublic,
    [-1, 30],
    [
      extension(BASIC_CONSTRAINTS, sequence(TRUE), true),
      // Signs certificates and revocation lists.
      extension(KEY_USAGE, bits(1, Buffer.from([0x06])), true),
      extension(SUBJECT_KEY_ID, der(0x04, keyId(ownPublic))),
    ],
  );

  const issue = ({ commonName, hosts = [], days = [-1, 30] }) => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
    const extensions = [
      extension(BASIC_CONSTRAINTS, sequence(), true),
      // Signs handshakes.
      extension(KEY_USAGE, bits(7, Buffer.from([0x80])), true),
      extension(EXTENDED_KEY_USAGE, sequence(...SERVER_AND_CLIENT.map(objectId))),
      extension(SUBJECT_KEY_ID, der(0x04, keyId(publicKey))),
      extension(AUTHORITY_KEY_ID, sequence(der(0x80, keyId(ownPublic)))),
    ];
    if (hosts.length > 0) {
      extensions.push(extension(ALTERNATIVE_NAMES, sequence(...hosts.map(alternativeName))));
    }
    const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    return { cert: certificate(commonName, publicKey, days, extensions), key: `${key}` };
  };

  return { cert, issue };
}

module.exports = { authority };
