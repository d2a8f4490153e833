'use strict';

const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { deferred } = require('./deferred.js');

/** A cache in a worker thread, driven from here. Close it with `terminate()`. */
class Thread {
  #worker;
  #next = 0;
  #calls = new Map();
  #waiting = [];

  /** Starts a worker that opens a cache with these options. */
  static async open(options) {
    const thread = new Thread();
    const ready = deferred();
    thread.#worker = new Worker(path.join(__dirname, 'thread-main.js'), { workerData: { options } });
    thread.#worker.on('message', (message) => {
      if (message.ready) ready.resolve();
      else if (message.event) thread.#event(message);
      else thread.#answer(message);
    });
    thread.#worker.on('error', (error) => {
      ready.reject(error);
      for (const call of thread.#calls.values()) call.outcome.reject(error);
    });
    await ready.promise;
    // A thread that a failed test left running must not keep the process alive.
    thread.#worker.unref();
    return thread;
  }

  #event(message) {
    for (const waiting of this.#waiting) if (waiting.accepts(message)) waiting.seen.resolve(message);
  }

  #answer(message) {
    const call = this.#calls.get(message.id);
    if (message.started) {
      call.runs += 1;
      call.started.resolve();
    } else if (message.asked) call.asked.resolve();
    else if (message.aborted) call.aborted.resolve();
    else if (message.error) call.outcome.reject(Object.assign(new Error(), message.error));
    else call.outcome.resolve(message.value);
  }

  #send(op, details) {
    const id = this.#next;
    this.#next += 1;
    const call = {
      id,
      runs: 0,
      started: deferred(),
      asked: deferred(),
      aborted: deferred(),
      outcome: deferred(),
    };
    this.#calls.set(id, call);
    this.#worker.postMessage({ id, op, ...details });
    return call;
  }

  /** Calls a method of the worker's cache. */
  call(method, ...args) {
    return this.#send('call', { method, args }).outcome.promise;
  }

  /** Calls a method of `cache.tags(tags)`. */
  tagged(tags, method, ...args) {
    return this.#send('tagged', { tags, method, args }).outcome.promise;
  }

  /** Calls a method of `cache.namespace(namespace)`. */
  namespaced(namespace, method, ...args) {
    return this.#send('namespaced', { namespace, method, args }).outcome.promise;
  }

  /**
   * Calls `remember` with a factory that stands still until `resolve` or `reject` is called.
   * `asked` resolves when the call has taken effect, `started` when its factory runs.
   */
  remember(key, options = {}) {
    const call = this.#send('remember', { key, options });
    return {
      started: call.started.promise,
      asked: call.asked.promise,
      aborted: call.aborted.promise,
      outcome: call.outcome.promise,
      get runs() {
        return call.runs;
      },
      resolve: (value) => this.#worker.postMessage({ id: call.id, op: 'finish', value }),
      reject: (message, name = 'Error') =>
        this.#worker.postMessage({ id: call.id, op: 'finish', error: { name, message } }),
    };
  }

  /** Takes a lock and holds it in the worker; release it with {@link release}. */
  lock(key, options) {
    return this.#send('lock', { key, options }).outcome.promise;
  }

  release(lock) {
    return this.#send('release', { lock: lock.id }).outcome.promise;
  }

  /** Starts to collect events in the worker. */
  listen(...names) {
    return this.#send('listen', { names }).outcome.promise;
  }

  /** Resolves at the next event that `accepts`. Call `listen` first. */
  seen(accepts) {
    const seen = deferred();
    this.#waiting.push({ accepts, seen });
    return seen.promise;
  }

  /** Ends the worker in the middle of whatever it does. */
  async terminate() {
    await this.#worker.terminate();
  }
}

let stores = 0;

/** A store name that no other test has. */
function storeName(label = 'store') {
  stores += 1;
  return `${label}-${process.pid}-${stores}`;
}

/** Opens threads, runs `body(...threads)`, and ends them whatever happens. */
async function withThreads(count, options, body) {
  const threads = await Promise.all(Array.from({ length: count }, () => Thread.open(options)));
  try {
    return await body(...threads);
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

module.exports = { Thread, storeName, withThreads };
