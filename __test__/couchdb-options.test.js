'use strict';

// Options of the CouchDB driver: what is refused, and what the core is opened with. No server is asked.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { COUCHDB_DRIVER, Cache, createCouchdbCache } = require('../index.js');
const { checkCacheOptions, validatePluginOptions } = require('../lib/options.js');
const { cacheError } = require('./support/errors.js');
require('./support/alive.js');

const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
/** In every place where a secret may stand; no message may show it. */
const SECRET = 'hunter2';

const opened = (config) => checkCacheOptions({ driver: 'couchdb', config }).native.couchdb;

describe('the CouchDB driver is opened', () => {
  test('with defaults for all that is not said', () => {
    const checked = checkCacheOptions({ driver: COUCHDB_DRIVER });
    const { prefix, ttl, remote, commandTimeout, atOnce, native } = checked;
    assert.deepEqual(
      { prefix, ttl, remote, commandTimeout, atOnce },
      { prefix: 'cache:', ttl: 3_600_000, remote: true, commandTimeout: 2000, atOnce: 1000 },
    );
    assert.deepEqual(native, {
      couchdb: {
        url: 'http://127.0.0.1:5984',
        database: 'cache',
        maxValueBytes: 7_500_000,
        connectTimeout: 2000,
        commandTimeout: 2000,
        reconnectDelay: 50,
        maxReconnectDelay: 2000,
        leaseTtl: 5000,
        maxQueue: 10_000,
        breakerThreshold: 3,
        sweep: 3_600_000,
        revsLimit: 5,
      },
    });
  });

  const insecure = { insecure: false };
  const urls = {
    'http://cache:5984': { url: 'http://cache:5984' },
    'http://cache:5984/': { url: 'http://cache:5984' },
    'http://cache': { url: 'http://cache' },
    'http://cache:80': { url: 'http://cache' },
    'http://[::1]:5984': { url: 'http://[::1]:5984' },
    'http://host:5984/cache': { url: 'http://host:5984/cache' },
    'http://host/a/couch%20db//': { url: 'http://host/a/couch%20db' },
    'https://cache:6984': { url: 'https://cache:6984', tls: insecure },
    'https://cache/couch/': { url: 'https://cache/couch', tls: insecure },
    'http://user:pass@cache:1': { url: 'http://cache:1', username: 'user', password: 'pass' },
    'http://u%40h:p%40s%25%3A%2Fs@cache/x': {
      url: 'http://cache/x',
      username: 'u@h',
      password: 'p@s%:/s',
    },
  };
  for (const [given, expected] of Object.entries(urls)) {
    test(`at ${given}`, () => {
      const { url, database, username, password, tls } = opened({ url: given });
      assert.deepEqual(
        { url, database, username, password, tls },
        { database: 'cache', username: undefined, password: undefined, tls: undefined, ...expected },
      );
    });
  }

  for (const database of ['a', 'app-cache', 'a_$()+/-0', 'a'.repeat(238)]) {
    test(`in the database ${database.slice(0, 20)}`, () => {
      assert.equal(opened({ database }).database, database);
    });
  }

  test('with a user that is said once, in the URL or beside it', () => {
    const login = (config) => {
      const { username, password } = opened(config);
      return [username, password];
    };
    assert.deepEqual(login({ username: 'u', password: 'p' }), ['u', 'p']);
    assert.deepEqual(login({ url: 'http://u:p@cache', password: 'p' }), ['u', 'p']);
    assert.deepEqual(login({ url: 'http://u@cache', password: 'p' }), ['u', 'p']);
    assert.deepEqual(login({ url: 'http://:p@cache', username: 'u' }), ['u', 'p']);
  });

  test('by TLS with certificates of its own', () => {
    assert.equal(opened({ tls: false }).tls, undefined);
    assert.deepEqual(opened({ url: 'https://cache', tls: true }).tls, insecure);
    assert.deepEqual(opened({ url: 'https://cache', tls: {} }).tls, insecure);
    const tls = { ca: [PEM, Buffer.from(PEM)], cert: PEM, key: Buffer.from(PEM), rejectUnauthorized: false };
    assert.deepEqual(opened({ url: 'https://cache', tls }).tls, {
      ca: `${PEM}\n${PEM}`,
      cert: PEM,
      key: PEM,
      insecure: true,
    });
  });

  test('with limits as they were said', () => {
    const limits = { maxValueBytes: 1, maxQueue: 5, breakerThreshold: 1, revsLimit: 1 };
    const durations = {
      connectTimeout: '1m',
      commandTimeout: 0.25,
      reconnectDelay: '1s',
      maxReconnectDelay: 1,
      leaseTtl: '500ms',
      sweep: 1,
    };
    const read = opened({ ...limits, ...durations });
    for (const [name, value] of Object.entries(limits)) assert.equal(read[name], value, name);
    assert.deepEqual(
      Object.keys(durations).map((name) => read[name]),
      [60_000, 250, 1000, 1000, 500, 1000],
    );
    assert.equal(opened({ revsLimit: 1000 }).revsLimit, 1000);
    const checked = checkCacheOptions({ driver: 'couchdb', config: { maxQueue: 5, commandTimeout: 3 } });
    assert.deepEqual([checked.atOnce, checked.commandTimeout], [2, 3000]);
  });

  test('without a sweep where none is wanted', () => {
    assert.ok(!('sweep' in opened({ sweep: false })));
  });

  test('with the prefix and the life of config before those beside it', () => {
    const beside = { driver: 'couchdb', prefix: 'outer:', defaultTtl: '1d' };
    const { prefix, ttl } = checkCacheOptions({
      ...beside,
      config: { prefix: 'inner:', defaultTtl: '1m' },
    });
    assert.deepEqual([prefix, ttl], ['inner:', 60_000]);
    assert.equal(checkCacheOptions(beside).prefix, 'outer:');
  });

  test('with an empty prefix too, and one that Redis reserves', () => {
    assert.equal(checkCacheOptions({ driver: 'couchdb', prefix: '' }).prefix, '');
    assert.equal(checkCacheOptions({ driver: 'couchdb', config: { prefix: '' }, prefix: 'a' }).prefix, '');
    assert.equal(checkCacheOptions({ driver: 'couchdb', prefix: 'ferrocache:' }).prefix, 'ferrocache:');
  });

  test('by the name of a store, and by the plugin', () => {
    const options = { driver: 'couchdb', name: 'app', config: { database: 'app' } };
    const { native } = checkCacheOptions(options);
    assert.deepEqual([native.name, native.couchdb.database], ['app', 'app']);
    assert.deepEqual(validatePluginOptions({ ...options, decorator: 'store' }).cache, options);
  });
});

describe('an option of the CouchDB driver', () => {
  const https = 'https://cache';
  const refused = [
    ['an unknown name', { databse: 'a' }, /databse[^]*did you mean 'database'/],
    ['an option of the Redis driver', { host: 'a' }, /host[^]*couchdb driver/],
    ['an option of the memory driver', { maxSize: 5 }, /maxSize/],
    ['a URL that is none', { url: SECRET }, /url/],
    ['a URL without a scheme', { url: `u:${SECRET}@host` }, /url[^]*scheme/],
    ['a URL of another scheme', { url: `redis://u:${SECRET}@host` }, /url[^]*scheme[^]*http/],
    ['a URL without a host', { url: 'http://' }, /url/],
    ['a URL that is a number', { url: 20_041_889 }, /url[^]*a number$/],
    ['a URL that is null', { url: null }, /url[^]*null/],
    ['an empty URL', { url: '' }, /url[^]*empty/],
    ['a URL with a bad port', { url: `http://u:${SECRET}@host:99999` }, /url/],
    ['a URL with a fragment', { url: `http://host/#${SECRET}` }, /url[^]*'#'[^]*%23/],
    ['a URL with a query', { url: `http://host?password=${SECRET}` }, /url[^]*'\?'[^]*%3F/],
    ['a URL with an unescaped #', { url: `http://u:1#${SECRET}@host` }, /url[^]*%23/],
    ['a URL with an unescaped ?', { url: `http://u:1?${SECRET}@host` }, /url[^]*%3F/],
    ['a URL with an unescaped /', { url: `http://u:1/${SECRET}@host` }, /url[^]*%2F/],
    ['a URL with an unescaped %', { url: `http://u:%zz${SECRET}@host` }, /url[^]*%25/],
    ['a user in the URL without a password', { url: 'http://app@host' }, /config\.password/],
    ['a password in the URL without a user', { url: `http://:${SECRET}@host` }, /config\.username/],
    ['two users', { url: 'http://u:p@host', username: 'v' }, /username is given twice/],
    ['two passwords', { url: 'http://u:p@host', password: SECRET }, /password is given twice/],
    ['a user without a password', { username: 'app' }, /config\.password/],
    ['a password without a user', { password: SECRET }, /config\.username/],
    ['a user with a colon', { username: `u:${SECRET}`, password: 'p' }, /user name[^]*':'/],
    ['a user with a colon in the URL', { url: `http://u%3A${SECRET}:p@host` }, /user name[^]*':'/],
    ['a user that is a number', { username: 20_041_889, password: 'p' }, /config\.username[^]*a number;/],
    ['a password that is a number', { username: 'u', password: 20_041_889 }, /config\.password[^]*a number;/],
    ['an empty user', { username: '', password: 'p' }, /config\.username/],
    ['an empty password', { username: 'u', password: '' }, /config\.password/],
    ['a database that is no text', { database: 20_041_889 }, /config\.database[^]*a number$/],
    ['a database that is null', { database: null }, /config\.database[^]*null/],
    ['a database without a name', { database: '' }, /config\.database[^]*begin/],
    ['a database with a capital', { database: `${SECRET}A` }, /config\.database[^]*a to z/],
    ["a database of CouchDB's own", { database: '_users' }, /config\.database[^]*begin/],
    ['a database that begins with a digit', { database: '1a' }, /config\.database[^]*begin/],
    ['a database with a dot', { database: `${SECRET}.b` }, /config\.database[^]*_ \$ \( \) \+ - \//],
    ['a database with a line break', { database: 'a\n' }, /config\.database/],
    ['a database with too long a name', { database: 'a'.repeat(239) }, /config\.database[^]*238/],
    ['TLS that is a text', { url: https, tls: SECRET }, /config\.tls[^]*object/],
    ['TLS that is a list', { url: https, tls: [PEM] }, /config\.tls[^]*an array/],
    ['TLS refused and asked for', { url: https, tls: false }, /config\.tls[^]*https:/],
    ['TLS without an https URL', { tls: true }, /config\.tls[^]*https:/],
    ['certificates without an https URL', { url: 'http://a', tls: { ca: PEM } }, /config\.tls[^]*https:/],
    ['an unknown option of TLS', { url: https, tls: { certs: PEM } }, /certs[^]*did you mean 'cert'/],
    ["the server's name", { url: https, tls: { servername: 'a' } }, /servername[^]*redis[^]*config\.url/],
    ['a certificate without its key', { url: https, tls: { cert: PEM } }, /cert[^]*key/],
    ['a key that is no PEM', { url: https, tls: { cert: PEM, key: SECRET } }, /config\.tls\.key[^]*PEM/],
    ['the name of a file', { url: https, tls: { ca: '/etc/ca.pem' } }, /config\.tls\.ca[^]*content/],
    ['a choice that is no boolean', { url: https, tls: { rejectUnauthorized: 0 } }, /rejectUnauthorized/],
    ['values of no bytes', { maxValueBytes: 0 }, /config\.maxValueBytes/],
    ['values that CouchDB cannot hold', { maxValueBytes: 7_500_001 }, /config\.maxValueBytes[^]*7500000/],
    ['a size that is a text', { maxValueBytes: '1mb' }, /config\.maxValueBytes/],
    ['a queue of nothing', { maxQueue: 0 }, /config\.maxQueue/],
    ['a breaker that is open from the start', { breakerThreshold: 0 }, /config\.breakerThreshold/],
    ['a time-out of 0', { commandTimeout: 0 }, /config\.commandTimeout/],
    ['a time-out without an end', { connectTimeout: 'forever' }, /config\.connectTimeout[^]*24 days/],
    ['a time-out that is no duration', { leaseTtl: 'soon' }, /config\.leaseTtl/],
    ['a first pause above the longest', { reconnectDelay: '3s' }, /reconnectDelay[^]*maxReconnectDelay/],
    ['a sweep at every moment', { sweep: '999ms' }, /config\.sweep[^]*1 second[^]*false/],
    ['a sweep after no time', { sweep: 0 }, /config\.sweep/],
    ['a sweep that never comes', { sweep: Infinity }, /config\.sweep[^]*24 days/],
    ['a sweep that does not say how often', { sweep: true }, /config\.sweep/],
    ['a sweep that is null', { sweep: null }, /config\.sweep/],
    ['no revision', { revsLimit: 0 }, /config\.revsLimit/],
    ['too many revisions', { revsLimit: 1001 }, /config\.revsLimit[^]*1000/],
    ['half a revision', { revsLimit: 1.5 }, /config\.revsLimit/],
    ['a prefix that is no text', { prefix: 5 }, /prefix/],
    ['a prefix that is no Unicode', { prefix: '\uD800' }, /prefix/],
    ['a life that is no duration', { defaultTtl: 'soon' }, /defaultTtl/],
  ];
  for (const [title, config, pattern] of refused) {
    test(`is refused: ${title}`, () => {
      assert.throws(
        () => checkCacheOptions({ driver: 'couchdb', config }),
        (error) => {
          cacheError('CACHE_CONFIG', pattern)(error);
          assert.doesNotMatch(inspect(error), new RegExp(`${SECRET}|20041889`));
          return true;
        },
      );
    });
  }

  test('is refused in the way of every other option', async () => {
    const driver = 'couchdb';
    const clock = 'manual';
    assert.throws(() => new Cache({ driver, clock }), cacheError('CACHE_CONFIG', /manual[^]*CouchDB/));
    assert.throws(() => new Cache({ driver, prefix: 5 }), cacheError('CACHE_CONFIG', /prefix/));
    assert.throws(() => new Cache({ driver, database: 'a' }), cacheError('CACHE_CONFIG', /config\.database/));
    assert.throws(() => new Cache({ driver, config: 'a' }), cacheError('CACHE_CONFIG', /config/));
    assert.throws(
      () => new Cache({ driver: 'couchbd' }),
      cacheError('CACHE_CONFIG', /did you mean 'couchdb'/),
    );
    assert.throws(
      () => new Cache({ driver: 'redis', config: { database: 'a' } }),
      cacheError('CACHE_CONFIG', /database[^]*redis driver/),
    );
    assert.throws(
      () => validatePluginOptions({ driver, config: { sweep: true } }),
      cacheError('CACHE_CONFIG', /config\.sweep/),
    );
    await assert.rejects(createCouchdbCache({ url: 5 }), cacheError('CACHE_CONFIG', /config\.url/));
    await assert.rejects(createCouchdbCache({ clock }), cacheError('CACHE_CONFIG', /manual/));
    await assert.rejects(createCouchdbCache({ driver: 'redis' }), cacheError('CACHE_CONFIG', /'couchdb'/));
  });
});
