'use strict';

/**
 * Where a Redis server is: URLs, nodes and hosts, read and checked.
 *
 * No message repeats what was given: any part of it may be a password that was written in the wrong place.
 */

const { isIPv6 } = require('node:net');
const checks = require('./option-checks.js');

const { atLeast, checkOptions, decoded, defined, kindOf, mistyped, readableUrl, userOf, wrong } = checks;

/** The port of a Redis server. */
const REDIS_PORT = 6379;
/** The port of a Sentinel. */
const SENTINEL_PORT = 26_379;

const FORMS = 'redis://user:password@host:6379/0, rediss://… (TLS) or unix:///path/to/redis.sock?db=0';
/** Schemes over TCP, and whether they mean TLS. */
const SCHEMES = new Map([
  ['redis:', false],
  ['valkey:', false],
  ['rediss:', true],
  ['valkeys:', true],
]);

/**
 * What an address says; what it does not say is undefined.
 * @typedef {object} Address
 * @property {string} [host]
 * @property {number} [port]
 * @property {string} [path] of a Unix socket
 * @property {string} [username]
 * @property {string} [password]
 * @property {number} [db]
 * @property {boolean} [tls]
 */

/**
 * @param {unknown} value
 * @param {string} at
 * @param {number} port where the URL has none
 * @returns {Address}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function readUrl(value, at, port = REDIS_PORT) {
  const url = readableUrl(value, at, FORMS);
  const tls = SCHEMES.get(url.protocol);
  if (tls === undefined && url.protocol !== 'unix:') {
    throw wrong(`${at} has an unknown scheme; expected ${FORMS}`);
  }
  if (url.hash !== '') throw wrong(`${at} has a part after '#'; a '#' in a password is written %23`);
  if (url.protocol === 'unix:') {
    if (url.hostname !== '' || url.pathname.length < 2) {
      throw wrong(`${at} must have three slashes before the path of the socket: unix:///path/to/redis.sock`);
    }
    return defined({ path: decoded(url.pathname, at), db: databaseOf(url, '', at) });
  }
  if (url.hostname === '') throw wrong(`${at} names no host; expected ${FORMS}`);
  return defined({
    host: checkHost(decoded(url.hostname, at).replace(/^\[(.*)\]$/, '$1'), at),
    port: url.port === '' ? port : checkPort(Number(url.port), at),
    ...userOf(url, at),
    db: databaseOf(url, url.pathname.replace(/^\//, ''), at),
    tls: tls ? true : undefined,
  });
}

/**
 * @param {unknown} value `{ host, port }`, `'host:port'` or a URL
 * @param {string} at
 * @param {number} port where none is said
 * @returns {Address & { host: string; port: number }}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function readNode(value, at, port) {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const given = /** @type {Record<string, unknown>} */ (value);
    checkOptions(given, ['host', 'port'], at, wrong);
    const own = given.port === undefined ? port : checkPort(given.port, `${at}.port`);
    return { host: checkHost(given.host, `${at}.host`), port: own };
  }
  if (typeof value !== 'string' || value === '') {
    throw wrong(`${at} must be { host, port }, 'host:port' or a URL, not ${kindOf(value)}`);
  }
  if (value.includes('://')) {
    const address = readUrl(value, at, port);
    if (address.host === undefined) throw wrong(`${at} must be a host, not a Unix socket`);
    return /** @type {Address & { host: string; port: number }} */ (address);
  }
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(value);
  if (parts === null) throw wrong(`${at} must be 'host:port' ('[::1]:6379' for IPv6), or a URL`);
  const [, bracketed, plain, digits] = parts;
  const own = digits === undefined ? port : checkPort(Number(digits), at);
  return { host: checkHost(bracketed ?? plain, at), port: own };
}

/**
 * @param {unknown} value
 * @param {string} at
 * @returns {string}
 */
function checkHost(value, at) {
  if (typeof value !== 'string' || value === '') {
    throw wrong(`${at} must be a host name or an address, not ${kindOf(value)}`);
  }
  if (/[\s/@?#]/.test(value) || (value.includes(':') && !isIPv6(value))) {
    throw wrong(`${at} must be a host name or an address alone; a port and a URL have options of their own`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} at
 * @returns {number}
 */
function checkPort(value, at) {
  const port = atLeast(value, 1, at);
  if (port > 65_535) throw mistyped(at, 'a port of at most 65535', value);
  return port;
}

/**
 * The database that a URL names, by its path or by `?db=`.
 *
 * @param {URL} url
 * @param {string} path
 * @param {string} at
 * @returns {number | undefined}
 */
function databaseOf(url, path, at) {
  const names = [...url.searchParams.keys()];
  if (names.some((name) => name !== 'db') || names.length > 1) {
    throw wrong(`${at} has a parameter other than one 'db'; give other options beside the URL`);
  }
  const texts = [path, url.searchParams.get('db') ?? ''].filter((text) => text !== '');
  if (texts.some((text) => !/^\d{1,9}$/.test(text)) || new Set(texts.map(Number)).size > 1) {
    throw wrong(`${at} must name the database by one number, as in redis://host/2`);
  }
  return texts.length === 0 ? undefined : Number(texts[0]);
}

module.exports = { REDIS_PORT, SENTINEL_PORT, checkHost, checkPort, readNode, readUrl };
