'use strict';

// What a process says of a cache: errors, events, log lines, warnings; and that none of it names a secret.

const assert = require('node:assert/strict');
const { inspect } = require('node:util');

/** The user, where a password needs one. */
const USER = 'app';
/** The password that is configured wherever one can be; the odd characters are escaped in a URL. */
const SECRET = 'recognisable/Pa55word@here';
const SHAPES = [
  SECRET,
  encodeURIComponent(SECRET),
  Buffer.from(SECRET).toString('base64'),
  // As Basic authentication sends it.
  Buffer.from(`${USER}:${SECRET}`).toString('base64'),
];

/** Everything that was said, each wording once. */
class Watch {
  /** @type {Map<string, unknown>} */
  #said = new Map();
  #unasked = [];
  #stops = [];

  constructor() {
    for (const name of ['warning', 'unhandledRejection', 'uncaughtExceptionMonitor']) {
      const heard = (/** @type {unknown} */ reason) => {
        this.#unasked.push({ name, reason });
        this.say(reason);
      };
      process.on(name, heard);
      this.#stops.push(() => process.off(name, heard));
    }
  }

  /** @param {any} what an error, an event, a log line */
  say(what) {
    const error = what?.error ?? what?.err ?? what;
    this.#said.set(`${what?.operation} ${error?.code} ${error?.message ?? error}`, what);
  }

  /** The distinct messages. */
  get messages() {
    return [...this.#said.keys()];
  }

  /** A logger whose lines are kept. */
  logger() {
    const line = (/** @type {unknown[]} */ ...words) => words.forEach((word) => this.say(word));
    return { error: line, warn: line, info: line, debug: line };
  }

  stop() {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Ends the watch: nothing was unhandled, and no secret was named. */
  end(...others) {
    this.stop();
    assert.deepEqual(this.#unasked, [], 'nothing is unhandled and nothing warns');
    for (const one of [...this.#said.values(), ...others]) withoutSecret(one);
  }
}

/** @param {any} one */
function withoutSecret(one) {
  const shown = [
    inspect(one, { depth: 12, showHidden: true, getters: true }),
    `${one?.message}`,
    `${one?.stack}`,
  ];
  try {
    shown.push(JSON.stringify(one) ?? '');
  } catch {
    // What has no JSON shows nothing in it.
  }
  for (const text of shown) {
    for (const secret of SHAPES) assert.ok(!text.includes(secret), `a password is shown: ${text}`);
  }
}

module.exports = { SECRET, USER, Watch, withoutSecret };
