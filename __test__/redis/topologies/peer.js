'use strict';

// A cache in another process, driven from here.

const { fork } = require('node:child_process');
const path = require('node:path');

const { deferred } = require('../../support/deferred.js');

class Peer {
  #child;
  #last = 0;
  #calls = new Map();

  constructor(options) {
    this.#child = fork(path.join(__dirname, 'peer-main.js'), {
      env: { ...process.env, NODE_TEST_CONTEXT: '' },
    });
    this.#child.on('message', ({ id, started, value, error }) => {
      const call = this.#calls.get(id);
      if (started) {
        call.runs += 1;
        call.started.resolve();
      } else if (error) call.outcome.reject(Object.assign(new Error(), error));
      else call.outcome.resolve(value);
    });
    this.#child.on('exit', () => {
      for (const { outcome } of this.#calls.values()) outcome.reject(new Error('the process has ended'));
    });
    this.#child.send({ open: options });
  }

  /** Calls a method of the cache. */
  call(method, ...args) {
    return this.#send({ method, args }).outcome.promise;
  }

  /** Calls a method of `cache.tags(tags)`. */
  tagged(tags, method, ...args) {
    return this.#send({ tags, method, args }).outcome.promise;
  }

  /**
   * Calls `remember` with a factory that stands still until `resolve` is called; with `value` one that ends at
   * once.
   */
  remember(key, options = {}, ending = {}) {
    const call = this.#send({ method: 'remember', args: [key, options], ...ending });
    return {
      started: call.started.promise,
      outcome: call.outcome.promise,
      get runs() {
        return call.runs;
      },
      resolve: (value) => this.#child.send({ id: call.id, finish: true, value }),
    };
  }

  kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return undefined;
    return new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.kill('SIGKILL');
    });
  }

  #send(message) {
    this.#last += 1;
    const call = { id: this.#last, runs: 0, started: deferred(), outcome: deferred() };
    this.#calls.set(call.id, call);
    this.#child.send({ id: call.id, ...message });
    return call;
  }
}

/**
 * Opens a cache in another process, which is killed when the test `t` ends.
 *
 * @param {{ after: (hook: () => unknown) => void }} t
 * @param {object} options of the cache
 */
async function openPeer(t, options) {
  const peer = new Peer(options);
  t.after(() => peer.kill());
  await peer.call('ready');
  return peer;
}

module.exports = { openPeer };
