'use strict';

// A real redis-server on the loopback address. It stores nothing on disk and ends with the test.

const { randomBytes } = require('node:crypto');
const { readFileSync, rmSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const { freePort, host } = require('../../support/ports.js');
const { launch, removeDirectory, temporaryDirectory } = require('../../support/processes.js');
const { connect } = require('./resp.js');
const { makeCertificates } = require('./tls.js');
const { Fatal, until } = require('../../support/wait.js');

const START_LIMIT = 15_000;
const TAKEN = /already in use|failed listening|could not create server tcp/i;

/**
 * @typedef {object} ServerOptions
 * @property {string[]} [args] further arguments of the command line
 * @property {(string | number)[][]} [config] further lines of the configuration, each a list of words
 * @property {string} [requirepass]
 * @property {boolean | { certificates?: import('./tls.js').Certificates, authClients?: boolean }} [tls]
 *   TLS instead of plain TCP; `authClients` makes the server insist on a client's certificate
 * @property {boolean} [unix] listens on a socket file too
 * @property {string[]} [acl] users as `app on >secret ~cache:* +@all`
 * @property {number} [port]
 * @property {boolean} [cluster]
 * @property {boolean} [sentinel]
 */

class Server {
  host = host;
  port = 0;
  /** @type {string | undefined} the socket file */
  path;
  /** @type {import('./tls.js').Certificates | undefined} */
  certificates;
  paused = false;
  #options;
  #directory = temporaryDirectory();
  /** @type {any} */
  #process;
  #username;
  #password;

  /** @param {ServerOptions} options */
  constructor(options) {
    this.#options = options;
    this.#password = options.requirepass;
    if (options.acl) {
      // The default user may be one of those that the test takes rights from.
      this.#username = 'test-support';
      this.#password = randomBytes(12).toString('hex');
    }
    if (options.unix) this.path = path.join(this.#directory, 'redis.sock');
    if (options.tls) {
      const given = options.tls === true ? undefined : options.tls.certificates;
      this.certificates = given ?? makeCertificates();
    }
    writeFileSync(this.#file('redis.conf'), this.#configuration());
  }

  get pid() {
    return this.#process?.pid;
  }

  get running() {
    return this.#process?.running === true;
  }

  get url() {
    const scheme = this.certificates ? 'rediss' : 'redis';
    const { requirepass } = this.#options;
    const password = requirepass === undefined ? '' : `:${encodeURIComponent(requirepass)}@`;
    return `${scheme}://${password}${this.host}:${this.port}`;
  }

  /** What the server wrote to its log since it was last started. */
  get log() {
    return readFileSync(this.#file('log'), 'utf8');
  }

  /** A connection of the test's own, with all rights. */
  connect({ limit = 5000 } = {}) {
    return connect({
      host: this.host,
      port: this.port,
      tls: this.certificates ? this.#clientTls() : null,
      username: this.#username ?? null,
      password: this.#password ?? null,
      limit,
    });
  }

  /** The reply to one command, with text for bytes. */
  cli(...args) {
    return this.#ask(5000, args);
  }

  /** The fields of `INFO <section>`. */
  async info(section, { limit = 5000 } = {}) {
    const lines = (await this.#ask(limit, ['INFO', section]))
      .split('\r\n')
      .filter((line) => line.includes(':'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill() {
    this.#process?.signal('SIGKILL');
    await this.#process?.ended;
    this.paused = false;
  }

  /** Stops the process where it stands: connections are accepted by the system, nothing is answered. */
  pause() {
    this.#process.signal('SIGSTOP');
    this.paused = true;
  }

  resume() {
    this.#process.signal('SIGCONT');
    this.paused = false;
  }

  /** Kills the server and removes what it had on disk. */
  async stop() {
    await this.kill();
    removeDirectory(this.#directory);
  }

  /**
   * Kills the server, if it still runs, and starts it again on its port or on another one.
   *
   * @param {{ empty?: boolean, port?: number }} [options] with `empty: false` what it holds is kept
   */
  async restart({ empty = true, port = this.port } = {}) {
    // Saved and ended in one step: what is written between the two would be lost.
    if (!empty && this.running) await this.cli('SHUTDOWN', 'SAVE').catch(() => {});
    await this.kill();
    if (empty) rmSync(this.#file('dump.rdb'), { force: true });
    await this.start(port);
  }

  /** Resolves when the server answers. Without a port it takes a free one. */
  async start(port = this.#options.port) {
    await until(
      'redis-server starts',
      async () => {
        this.port = port ?? (await freePort({ bus: this.#options.cluster === true }));
        // Somebody else can be faster in taking the port.
        return this.#launch();
      },
      { limit: START_LIMIT },
    );
  }

  /** Whether it runs; `false` if the port was taken. */
  async #launch() {
    const { args = [], sentinel = false } = this.#options;
    const ports = this.certificates
      ? ['--port', '0', '--tls-port', `${this.port}`]
      : ['--port', `${this.port}`];
    const mode = sentinel ? ['--sentinel'] : [];
    this.#process = await launch(
      [process.env.REDIS_SERVER || 'redis-server', this.#file('redis.conf'), ...ports, ...mode, ...args],
      { directory: this.#directory, log: this.#file('log') },
    );
    // Another one that listens there may answer, or not.
    const answers = async () => (await this.info('server', { limit: 1000 })).process_id === `${this.pid}`;
    const ended = this.#process.ended.then(() => true);
    try {
      await until('redis-server answers', () => Promise.race([ended, answers()]), {
        limit: START_LIMIT,
        every: 5,
      });
    } catch (error) {
      await this.kill();
      throw error;
    }
    if (this.running) return true;
    if (TAKEN.test(this.log)) return false;
    throw new Fatal(`redis-server ended at once:\n${this.log}`);
  }

  async #ask(limit, args) {
    const client = await this.connect({ limit });
    try {
      return await client.command(...args);
    } finally {
      client.close();
    }
  }

  #file(name) {
    return path.join(this.#directory, name);
  }

  #clientTls() {
    const { ca, client } = /** @type {import('./tls.js').Certificates} */ (this.certificates);
    return { ca, cert: client.cert, key: client.key };
  }

  #configuration() {
    const { requirepass, tls, acl = [], cluster, sentinel, config = [] } = this.#options;
    const lines = [
      ['bind', host],
      ['daemonize', 'no'],
      ['dir', this.#directory],
    ];
    if (!sentinel) lines.push(['save', ''], ['appendonly', 'no'], ['repl-diskless-sync-delay', '0']);
    if (requirepass !== undefined) lines.push(['requirepass', requirepass]);
    if (requirepass !== undefined && !sentinel) lines.push(['masterauth', requirepass]);
    if (this.path !== undefined) lines.push(['unixsocket', this.path], ['unixsocketperm', '700']);
    if (this.certificates) {
      const { files } = this.certificates;
      const required = typeof tls === 'object' && tls.authClients === true;
      lines.push(
        ['tls-ca-cert-file', files.ca],
        ['tls-cert-file', files.cert],
        ['tls-key-file', files.key],
        ['tls-auth-clients', required ? 'yes' : 'optional'],
      );
    }
    for (const user of acl) lines.push(['user', ...user.split(' ')]);
    if (acl.length > 0) lines.push(['user', 'test-support', 'on', `>${this.#password}`, '~*', '&*', '+@all']);
    if (cluster) lines.push(['cluster-enabled', 'yes'], ['cluster-config-file', 'nodes.conf']);
    lines.push(...config.map((words) => words.map(String)));
    return lines.map(configurationLine).join('');
  }
}

function configurationLine([directive, ...words]) {
  return `${[directive, ...words.map((word) => JSON.stringify(word))].join(' ')}\n`;
}

/**
 * Starts a server that is stopped when the test `t` ends; without `t` by whoever started it.
 *
 * @param {{ after: (hook: () => unknown) => void } | null} [t]
 * @param {ServerOptions} [options]
 */
async function startServer(t, options = {}) {
  const server = new Server(options);
  t?.after(() => server.stop());
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

module.exports = { Server, startServer };
