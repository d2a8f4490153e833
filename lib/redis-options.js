'use strict';

/** `config` of the Redis driver: what may be given, its defaults, and what is wrong with what was given. */

const checks = require('./option-checks.js');
const { REDIS_PORT, SENTINEL_PORT, checkHost, checkPort, readNode, readUrl } = require('./redis-address.js');

const { agreed, atLeast, backendLimits, checkLogin, checkOptions, defined, kindOf, loginOf } = checks;
const { mistyped, optional, record, text, tlsTerms, wrong } = checks;

/** @typedef {import('./redis-address.js').Address} Address */

/** Ways to say where Redis is, by the options that say it. One of them is given. */
const WAYS = [['url'], ['host', 'port'], ['path'], ['cluster'], ['sentinel']];
const NAMES = [
  ...WAYS.flat(),
  ...['username', 'password', 'db', 'tls', 'prefix', 'defaultTtl', 'compress', 'maxValueBytes'],
  ...['connectTimeout', 'commandTimeout', 'maxQueue', 'breakerThreshold', 'reconnectDelay'],
  ...['maxReconnectDelay', 'leaseTtl'],
];

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PREFIX = 'cache:';
/** What the driver keeps for itself begins with this; see docs/redis.md. */
const INTERNAL_PREFIX = 'ferrocache:';
const DEFAULT_COMPRESS = 4096;
const DEFAULT_MAX_VALUE_BYTES = 64 * 1024 * 1024;
/** Redis holds no longer string. */
const MOST_VALUE_BYTES = 512 * 1024 * 1024;
const DEFAULT_COMMAND_TIMEOUT = '1s';

/**
 * What the core is opened with; `NativeRedis` in src/binding/redis.rs. Durations are milliseconds.
 * @typedef {object} NativeRedis
 * @property {{ host: string; port: number }[]} nodes none for a Unix socket
 * @property {string} [path]
 * @property {'standalone' | 'cluster' | 'sentinel'} mode
 * @property {string} [sentinelName]
 * @property {string} [sentinelUsername]
 * @property {string} [sentinelPassword]
 * @property {string} [username]
 * @property {string} [password]
 * @property {number} db
 * @property {NativeTls | undefined} tls
 * @property {number | undefined} compress values of so many bytes and more; undefined: none
 * @property {number} maxValueBytes
 * @property {number} connectTimeout
 * @property {number} commandTimeout
 * @property {number} reconnectDelay
 * @property {number} maxReconnectDelay
 * @property {number} leaseTtl
 * @property {number} maxQueue
 * @property {number} breakerThreshold
 */

/** @typedef {import('./option-checks.js').TlsTerms & { servername?: string }} NativeTls */

/**
 * @param {Record<string, unknown>} config
 * @returns {NativeRedis}
 * @throws {import('../index.js').CacheError} CACHE_CONFIG
 */
function checkRedis(config) {
  const ways = WAYS.filter((names) => names.some((name) => config[name] !== undefined));
  if (ways.length > 1) {
    const [first, second] = ways.map((names) => names.find((name) => config[name] !== undefined));
    throw wrong(`config.${first} and config.${second} both say where Redis is: give one of them`);
  }
  const { addresses, ...place } = placeOf(config);
  const [one] = addresses;
  const { username, password } = checkLogin(config, addresses);
  const own = optional(config.db, (value, at) => atLeast(value, 0, at), 'config.db');
  const db = agreed('db', [own, ...addresses.map((address) => address.db)]);
  if (place.mode === 'cluster' && (db ?? 0) !== 0) {
    throw wrong('a cluster has no databases: leave config.db out');
  }
  return /** @type {NativeRedis} */ (
    defined({
      ...place,
      nodes: one.path === undefined ? addresses.map(({ host, port }) => ({ host, port })) : [],
      path: one.path,
      username,
      password,
      db: db ?? 0,
      tls: tlsOf(config.tls, addresses),
      ...limitsOf(config),
    })
  );
}

/**
 * Where Redis is, and what the addresses say besides.
 *
 * @param {Record<string, unknown>} config
 * @returns {{ addresses: Address[]; mode: NativeRedis['mode']; sentinelName?: string | undefined; sentinelUsername?: string | undefined; sentinelPassword?: string | undefined }}
 */
function placeOf({ url, host, port, path, cluster, sentinel }) {
  if (url !== undefined) return { mode: 'standalone', addresses: [readUrl(url, 'config.url')] };
  if (path !== undefined) return { mode: 'standalone', addresses: [{ path: text(path, 'config.path') }] };
  if (cluster !== undefined) {
    const given = record(cluster, 'config.cluster');
    checkOptions(given, ['nodes'], 'config.cluster', wrong);
    return { mode: 'cluster', addresses: nodesOf(given.nodes, 'config.cluster.nodes', REDIS_PORT) };
  }
  if (sentinel !== undefined) return sentinelOf(record(sentinel, 'config.sentinel'));
  const address = {
    host: optional(host, checkHost, 'config.host') ?? DEFAULT_HOST,
    port: optional(port, checkPort, 'config.port') ?? REDIS_PORT,
  };
  return { mode: 'standalone', addresses: [address] };
}

/** @param {Record<string, unknown>} given */
function sentinelOf(given) {
  checkOptions(given, ['name', 'nodes', 'username', 'password'], 'config.sentinel', wrong);
  const nodes = nodesOf(given.nodes, 'config.sentinel.nodes', SENTINEL_PORT);
  const at = 'config.sentinel';
  if (nodes.some(({ db }) => db !== undefined)) throw wrong(`${at}.nodes have no databases: give config.db`);
  // What a Sentinel's address says of a user is the Sentinel's, not the server's.
  const { username, password } = loginOf(given, at, nodes);
  return {
    mode: /** @type {const} */ ('sentinel'),
    sentinelName: text(given.name, `${at}.name`),
    sentinelUsername: username,
    sentinelPassword: password,
    addresses: nodes.map(({ host, port, tls }) => (tls ? { host, port, tls } : { host, port })),
  };
}

/**
 * @param {unknown} nodes
 * @param {string} at
 * @param {number} port
 */
function nodesOf(nodes, at, port) {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    const given = Array.isArray(nodes) ? 'an empty one' : kindOf(nodes);
    throw wrong(`${at} must be an array of { host, port }, 'host:port' or URLs, not ${given}`);
  }
  return nodes.map((node, index) => readNode(node, `${at}[${index}]`, port));
}

/**
 * @param {unknown} tls
 * @param {Address[]} addresses
 * @returns {NativeTls | undefined}
 */
function tlsOf(tls, addresses) {
  const secure = addresses.filter((address) => address.tls).length;
  if (secure > 0 && tls === false) throw wrong('config.tls is false, and the URL (rediss:) asks for TLS');
  if (secure > 0 && secure < addresses.length && tls === undefined) {
    throw wrong('some nodes ask for TLS (rediss:) and others do not: say config.tls for all of them');
  }
  if (tls === undefined ? secure === 0 : tls === false) return undefined;
  if (addresses.some(({ path }) => path !== undefined)) {
    throw wrong('config.tls cannot be used on a Unix socket: leave it out');
  }
  const terms = tlsTerms(tls, ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized']);
  const { servername } = /** @type {{ servername?: unknown }} */ (tls ?? {});
  return /** @type {NativeTls} */ (
    defined({ ...terms, servername: optional(servername, checkHost, 'config.tls.servername') })
  );
}

/** @param {Record<string, unknown>} config */
function limitsOf(config) {
  const { compress = DEFAULT_COMPRESS, maxValueBytes = DEFAULT_MAX_VALUE_BYTES } = config;
  if (
    compress !== false &&
    (typeof compress !== 'number' || !Number.isSafeInteger(compress) || compress < 0)
  ) {
    throw mistyped('config.compress', 'a number of bytes (an integer of at least 0) or false', compress);
  }
  if (atLeast(maxValueBytes, 1, 'config.maxValueBytes') > MOST_VALUE_BYTES) {
    throw wrong(`config.maxValueBytes must be at most ${MOST_VALUE_BYTES} (512 MiB): Redis holds no more`);
  }
  return {
    ...backendLimits(config, DEFAULT_COMMAND_TIMEOUT),
    compress: compress === false ? undefined : compress,
    maxValueBytes,
  };
}

/**
 * The prefix of all keys; `flush()` removes what is under it.
 *
 * @param {string | undefined} given
 */
function checkRedisPrefix(given = DEFAULT_PREFIX) {
  if (given === '') {
    throw wrong(
      'prefix must not be empty on the redis driver: flush() would remove every key of the database, also those of other programs',
    );
  }
  if (given.startsWith(INTERNAL_PREFIX) || INTERNAL_PREFIX.startsWith(given)) {
    throw wrong(
      `prefix must not begin with '${INTERNAL_PREFIX}', or be the beginning of it: the driver keeps its locks and the epochs of tags there`,
    );
  }
  return given;
}

module.exports = { REDIS_OPTIONS: NAMES, checkRedis, checkRedisPrefix };
