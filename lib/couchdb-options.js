'use strict';

/** `config` of the CouchDB driver: what may be given, its defaults, and what is wrong with what was given. */

const checks = require('./option-checks.js');

const { atLeast, backendLimits, bounded, checkLogin, defined, kindOf, mistyped, readableUrl } = checks;
const { tlsTerms, userOf, wrong } = checks;

const NAMES = [
  ...['url', 'database', 'username', 'password', 'tls', 'prefix', 'defaultTtl', 'maxValueBytes'],
  ...['connectTimeout', 'commandTimeout', 'maxQueue', 'breakerThreshold', 'reconnectDelay'],
  ...['maxReconnectDelay', 'leaseTtl', 'sweep', 'revsLimit'],
];

const DEFAULT_URL = 'http://127.0.0.1:5984';
const FORMS = 'http://user:password@host:5984 or https://… (TLS)';

const DEFAULT_DATABASE = 'cache';
/** What CouchDB takes for the name of a database. */
const DATABASE = /^[a-z][a-z0-9_$()+/-]*$/;
/** With what CouchDB appends to it, a longer one would be no name of a file. */
const LONGEST_DATABASE = 238;

const DEFAULT_PREFIX = 'cache:';
const DEFAULT_COMMAND_TIMEOUT = '2s';
/** CouchDB takes documents of at most 8,000,000 bytes by default, and a document holds more than the value. */
const MOST_VALUE_BYTES = 7_500_000;
const DEFAULT_SWEEP = '1h';
/** Milliseconds. Sweeping is for the disk alone: nobody is served what is expired. */
const LEAST_SWEEP = 1000;
/** A cache reads no old revision, and each one that CouchDB remembers takes place in the document. */
const DEFAULT_REVS_LIMIT = 5;
/** CouchDB's own default. */
const MOST_REVS_LIMIT = 1000;

/**
 * What the core is opened with; `NativeCouchDb` in src/binding/couchdb.rs. Durations are milliseconds.
 * @typedef {object} NativeCouchDb
 * @property {string} url without a user, the database and a slash at its end
 * @property {string} database
 * @property {string} [username]
 * @property {string} [password]
 * @property {import('./option-checks.js').TlsTerms} [tls]
 * @property {number} maxValueBytes
 * @property {number} connectTimeout
 * @property {number} commandTimeout
 * @property {number} reconnectDelay
 * @property {number} maxReconnectDelay
 * @property {number} leaseTtl
 * @property {number} maxQueue
 * @property {number} breakerThreshold
 * @property {number} [sweep] undefined: none
 * @property {number} revsLimit
 */

/**
 * @param {Record<string, unknown>} config
 * @returns {NativeCouchDb}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function checkCouchDb(config) {
  const { database = DEFAULT_DATABASE, maxValueBytes = MOST_VALUE_BYTES } = config;
  const { sweep = DEFAULT_SWEEP, revsLimit = DEFAULT_REVS_LIMIT } = config;
  const { url, secure, ...user } = readUrl(config.url === undefined ? DEFAULT_URL : config.url, 'config.url');
  return /** @type {NativeCouchDb} */ (
    defined({
      url,
      database: checkDatabase(database, 'config.database'),
      ...checkUser(checkLogin(config, [user])),
      tls: tlsOf(config.tls, secure),
      ...backendLimits(config, DEFAULT_COMMAND_TIMEOUT),
      maxValueBytes: within(maxValueBytes, MOST_VALUE_BYTES, 'config.maxValueBytes'),
      sweep: sweepOf(sweep, 'config.sweep'),
      revsLimit: within(revsLimit, MOST_REVS_LIMIT, 'config.revsLimit'),
    })
  );
}

/**
 * Where CouchDB is, and whom the URL names. A path is where a proxy has CouchDB.
 *
 * @param {unknown} value
 * @param {string} at
 */
function readUrl(value, at) {
  const url = readableUrl(value, at, FORMS);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw wrong(`${at} has an unknown scheme; expected ${FORMS}`);
  }
  if (url.hash !== '') throw wrong(`${at} has a part after '#'; a '#' in a password is written %23`);
  if (url.search !== '') {
    throw wrong(
      `${at} has a part after '?': give other options beside the URL; a '?' in a password is written %3F`,
    );
  }
  // `http://user:1/2@host` is the host 'user' with the path '/2@host': a password that would be sent elsewhere.
  if (url.pathname.includes('@')) {
    throw wrong(`${at} has an '@' in its path; a '/' in a password is written %2F, and an '@' in a path %40`);
  }
  return {
    url: url.origin + url.pathname.replace(/\/+$/, ''),
    secure: url.protocol === 'https:',
    ...userOf(url, at),
  };
}

/**
 * @param {unknown} value
 * @param {string} at
 */
function checkDatabase(value, at) {
  if (typeof value !== 'string') throw wrong(`${at} must be a string, not ${kindOf(value)}`);
  if (!DATABASE.test(value) || value.length > LONGEST_DATABASE) {
    throw wrong(
      `${at} must begin with a letter from a to z and hold nothing but such letters, digits and _ $ ( ) + - /, ` +
        `at most ${LONGEST_DATABASE} characters`,
    );
  }
  return value;
}

/** @param {{ username: string | undefined; password: string | undefined }} login */
function checkUser(login) {
  if (login.password !== undefined && login.username === undefined) {
    throw wrong('a password needs a user name: give config.username too');
  }
  if (login.username?.includes(':')) {
    throw wrong("a user name cannot hold a ':': it ends there when it is sent");
  }
  return login;
}

/**
 * @param {unknown} tls
 * @param {boolean} secure whether the URL asks for TLS
 */
function tlsOf(tls, secure) {
  if (typeof tls === 'object' && tls !== null && 'servername' in tls) {
    throw wrong(
      'config.tls.servername is for the redis driver: the certificate must have the host of config.url',
    );
  }
  if (tls === undefined ? !secure : tls === false) {
    if (secure) throw wrong('config.tls is false, and the URL (https:) asks for TLS');
    return undefined;
  }
  const terms = tlsTerms(tls, ['ca', 'cert', 'key', 'rejectUnauthorized']);
  if (!secure) throw wrong('config.tls needs a config.url that begins with https:');
  return terms;
}

/**
 * @param {unknown} value
 * @param {string} at
 */
function sweepOf(value, at) {
  if (value === false) return undefined;
  const millis = bounded(value, at);
  if (millis < LEAST_SWEEP) throw wrong(`${at} must be at least 1 second, or false for none`);
  return millis;
}

/**
 * @param {unknown} value
 * @param {number} most
 * @param {string} at
 */
function within(value, most, at) {
  if (atLeast(value, 1, at) > most) throw mistyped(at, `an integer of at most ${most}`, value);
  return value;
}

/**
 * The prefix of all keys. It may be empty: what the driver keeps for itself lies beside the entries, under ids of
 * another kind.
 *
 * @param {string | undefined} given
 */
const checkCouchDbPrefix = (given = DEFAULT_PREFIX) => given;

module.exports = { COUCHDB_OPTIONS: NAMES, checkCouchDb, checkCouchDbPrefix };
