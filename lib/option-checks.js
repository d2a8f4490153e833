'use strict';

/**
 * What is wrong with an option, said by its name: the rules that several places share. Messages name types, and
 * never what may be a secret.
 */

const { LONGEST_TIMER } = require('./deadline.js');
const { makeError, describe } = require('./errors.js');
const { toMillis } = require('./ttl.js');

const DEFAULT_MAX_QUEUE = 10_000;
const DEFAULT_BREAKER_THRESHOLD = 3;

/**
 * What TLS is told, as the core takes it; texts are PEM.
 * @typedef {{ ca?: string; cert?: string; key?: string; insecure: boolean }} TlsTerms
 */

/** @param {string} message */
const wrong = (message) => makeError('CACHE_CONFIG', message);

/**
 * Refuses an option that is not known.
 *
 * @param {object} given
 * @param {readonly string[]} known
 * @param {string} of whose options they are
 * @param {(message: string) => Error} error
 * @param {readonly string[]} suggested the names to suggest, if other than the known
 * @param {readonly string[]} inConfig those that belong into `config`
 */
function checkOptions(
  given,
  known,
  of,
  error = (message) => makeError('CACHE_INVALID_ARGUMENT', message),
  suggested = known,
  inConfig = [],
) {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const near = inConfig.includes(name) ? `config.${name}` : nearest(name, suggested);
    const hint = near === undefined ? `expected ${suggested.join(', ')}` : `did you mean '${near}'?`;
    throw error(`'${name}' is no option of ${of}; ${hint}`);
  }
}

/**
 * @param {unknown} value
 * @param {string} at
 * @returns {Record<string, unknown>}
 */
function record(value, at) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw mistyped(at, 'an object', value);
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @template T
 * @param {unknown} value
 * @param {(value: unknown, at: string) => T} check
 * @param {string} at
 */
function optional(value, check, at) {
  return value === undefined ? undefined : check(value, at);
}

/** @param {unknown} value @param {string} at */
function text(value, at) {
  if (typeof value !== 'string' || value === '') throw mistyped(at, 'a non-empty string', value);
  return value;
}

/** @param {unknown} value @param {string} at */
function prefix(value, at) {
  if (typeof value !== 'string') throw mistyped(at, 'a string', value);
  if (!value.isWellFormed()) throw wrong(`${at} must be well-formed Unicode, without a lone surrogate`);
  return value;
}

/** @param {unknown} value @param {string} at */
function boolean(value, at) {
  if (typeof value !== 'boolean') throw mistyped(at, 'a boolean', value);
  return value;
}

/** @param {unknown} value @param {number} least @param {string} at */
function atLeast(value, least, at) {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw mistyped(at, `an integer of at least ${least}`, value);
  }
  return value;
}

/** @param {unknown} value @param {string} at */
function logger(value, at) {
  const { warn, error } = /** @type {{ warn?: unknown; error?: unknown }} */ (value ?? {});
  if (typeof warn !== 'function' || typeof error !== 'function') {
    throw mistyped(at, 'an object with the methods warn and error', value);
  }
  return /** @type {import('../index.js').CacheLogger} */ (value);
}

/** @param {unknown} value @param {readonly string[]} names @param {string} at */
function oneOf(value, names, at) {
  if (typeof value === 'string' && names.includes(value)) return value;
  const near = typeof value === 'string' ? nearest(value, names) : undefined;
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  const given = typeof value === 'string' ? `'${value.slice(0, 100)}'` : describe(value);
  throw wrong(`${at} must be ${names.map((name) => `'${name}'`).join(' or ')}, not ${given}${hint}`);
}

/** @param {unknown} value @param {string} at */
function duration(value, at) {
  try {
    const millis = toMillis(value);
    if (millis > 0) return millis;
  } catch (cause) {
    throw makeError('CACHE_CONFIG', `${at}: ${/** @type {Error} */ (cause).message}`, { cause });
  }
  throw wrong(`${at} must be more than 0`);
}

/**
 * A duration that ends: every wait for a backend does.
 *
 * @param {unknown} value
 * @param {string} at
 */
function bounded(value, at) {
  const millis = duration(value, at);
  if (millis > LONGEST_TIMER) throw wrong(`${at} must be at most 24 days`);
  return millis;
}

/**
 * The bounds that a driver of a backend keeps, in `config`. Durations are milliseconds.
 *
 * @param {Record<string, unknown>} config
 * @param {import('../index.js').DurationString} commandTimeout where none is said
 */
function backendLimits(config, commandTimeout) {
  /** @param {string} name @param {import('../index.js').DurationString} usual */
  const time = (name, usual) => bounded(config[name] ?? usual, `config.${name}`);
  /** @param {string} name @param {number} usual */
  const count = (name, usual) => atLeast(config[name] ?? usual, 1, `config.${name}`);
  const limits = {
    connectTimeout: time('connectTimeout', '2s'),
    commandTimeout: time('commandTimeout', commandTimeout),
    reconnectDelay: time('reconnectDelay', '50ms'),
    maxReconnectDelay: time('maxReconnectDelay', '2s'),
    leaseTtl: time('leaseTtl', '5s'),
    maxQueue: count('maxQueue', DEFAULT_MAX_QUEUE),
    breakerThreshold: count('breakerThreshold', DEFAULT_BREAKER_THRESHOLD),
  };
  if (limits.reconnectDelay > limits.maxReconnectDelay) {
    throw wrong('config.reconnectDelay must be at most config.maxReconnectDelay');
  }
  return limits;
}

/**
 * A URL. No message repeats it: any part of it may be a password that was written in the wrong place.
 *
 * @param {unknown} value
 * @param {string} at
 * @param {string} forms what it may look like
 */
function readableUrl(value, at, forms) {
  if (typeof value !== 'string' || value === '') {
    throw wrong(`${at} must be a URL such as ${forms}, not ${kindOf(value)}`);
  }
  try {
    return new URL(value);
  } catch {
    // Not as the cause: that error holds the text.
    throw wrong(
      `${at} is no URL; expected ${forms} (in a user name or a password, what is no letter or digit is ` +
        'percent-encoded)',
    );
  }
}

/**
 * Whom a URL names.
 *
 * @param {URL} url
 * @param {string} at
 */
const userOf = ({ username, password }, at) => ({
  username: username === '' ? undefined : decoded(username, at),
  password: password === '' ? undefined : decoded(password, at),
});

/**
 * @param {string} encoded a part of a URL
 * @param {string} at
 */
function decoded(encoded, at) {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw wrong(
      `${at} has a '%' that does not begin a percent-encoded character; a '%' itself is written %25`,
    );
  }
}

/**
 * What is said of one thing, in URLs and beside them.
 *
 * @template T
 * @param {string} name
 * @param {readonly (T | undefined)[]} places
 */
function agreed(name, places) {
  const said = places.filter((value) => value !== undefined);
  if (new Set(said).size > 1) {
    throw wrong(`${name} is given twice, in a URL and elsewhere, and not the same: give it once`);
  }
  return said[0];
}

/**
 * A user name and a password, as options say them and the URLs beside them.
 *
 * @param {Record<string, unknown>} given
 * @param {string} at
 * @param {readonly { username?: string | undefined; password?: string | undefined }[]} inUrls
 */
function loginOf(given, at, inUrls) {
  /** @param {'username' | 'password'} name */
  const said = (name) =>
    agreed(name, [optional(given[name], secret, `${at}.${name}`), ...inUrls.map((url) => url[name])]);
  return { username: said('username'), password: said('password') };
}

/**
 * The login of `config`, where a user name is nothing without a password.
 *
 * @param {Record<string, unknown>} config
 * @param {Parameters<typeof loginOf>[2]} inUrls
 */
function checkLogin(config, inUrls) {
  const login = loginOf(config, 'config', inUrls);
  if (login.username !== undefined && login.password === undefined) {
    throw wrong('a user name needs a password: give config.password too');
  }
  return login;
}

/** @param {unknown} value @param {string} at */
function secret(value, at) {
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(`${at} must be a non-empty string, not ${kindOf(value)}; leave it out for none`);
}

/**
 * `config.tls`, where TLS is used.
 *
 * @param {unknown} tls `true`, left out, or an object
 * @param {readonly string[]} known what the object may hold
 * @returns {TlsTerms}
 */
function tlsTerms(tls, known) {
  if (tls === undefined || tls === true) return { insecure: false };
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    throw wrong(`config.tls must be a boolean or an object, not ${kindOf(tls)}`);
  }
  const given = /** @type {Record<string, unknown>} */ (tls);
  checkOptions(given, known, 'config.tls', wrong);
  if ((given.cert === undefined) !== (given.key === undefined)) {
    throw wrong('config.tls.cert and config.tls.key belong together: give both, or none');
  }
  return /** @type {TlsTerms} */ (
    defined({
      ca: optional(given.ca, pem, 'config.tls.ca'),
      cert: optional(given.cert, pem, 'config.tls.cert'),
      key: optional(given.key, pem, 'config.tls.key'),
      insecure: optional(given.rejectUnauthorized, boolean, 'config.tls.rejectUnauthorized') === false,
    })
  );
}

/** @param {unknown} value @param {string} at @returns {string} */
function pem(value, at) {
  if (Array.isArray(value) && value.length > 0) return value.map((one) => pem(one, at)).join('\n');
  const content = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value;
  if (typeof content !== 'string' || !content.includes('-----BEGIN ')) {
    throw wrong(`${at} must be PEM text or a Buffer of it (the content of the file, not its name)`);
  }
  return content;
}

/**
 * The type of what was given, for a message that must not show it.
 *
 * @param {unknown} value
 */
function kindOf(value) {
  if (value === '') return 'an empty string';
  return typeof value === 'number' ? 'a number' : describe(value);
}

/**
 * @template {object} T
 * @param {T} object
 * @returns {{ [K in keyof T]?: Exclude<T[K], undefined> }}
 */
const defined = (object) =>
  /** @type {any} */ (Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)));

/** @param {string} at @param {string} expected @param {unknown} value */
const mistyped = (at, expected, value) =>
  wrong(`${at} must be ${expected}, not ${value === '' ? 'an empty string' : describe(value)}`);

/**
 * The name that was probably meant: at most a third of its letters are to be changed.
 *
 * @param {string} name
 * @param {readonly string[]} known
 */
function nearest(name, known) {
  let best;
  let least = Infinity;
  for (const candidate of known) {
    const distance = edits(name.slice(0, 40).toLowerCase(), candidate.toLowerCase());
    if (distance < least && distance <= Math.ceil(candidate.length / 3)) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/**
 * How many letters are to be added, removed or replaced to make `b` of `a` (Levenshtein).
 *
 * @param {string} a
 * @param {string} b
 */
function edits(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

module.exports = {
  agreed,
  atLeast,
  backendLimits,
  boolean,
  bounded,
  checkLogin,
  checkOptions,
  decoded,
  defined,
  duration,
  kindOf,
  logger,
  loginOf,
  mistyped,
  oneOf,
  optional,
  prefix,
  readableUrl,
  record,
  text,
  tlsTerms,
  userOf,
  wrong,
};
