'use strict';

// The worker side of threads.js: a cache that the parent drives by messages.

const { parentPort, workerData } = require('node:worker_threads');
const { Cache } = require('../../index.js');
const { deferred } = require('./deferred.js');

const cache = new Cache(workerData.options);
const events = [];
const factories = new Map();
const locks = new Map();

function plain(error) {
  return {
    name: error?.name,
    message: error?.message,
    code: error?.code,
    isError: error instanceof Error,
  };
}

const operations = {
  call: ({ method, args }) => cache[method](...args),
  tagged: ({ tags, method, args }) => cache.tags(tags)[method](...args),
  namespaced: ({ namespace, method, args }) => cache.namespace(namespace)[method](...args),

  remember({ id, key, options }) {
    const end = deferred();
    factories.set(id, end);
    const outcome = cache.remember(key, options, (context) => {
      parentPort.postMessage({ id, started: true });
      context.signal.addEventListener('abort', () => {
        parentPort.postMessage({ id, aborted: true });
      });
      return end.promise;
    });
    // Operations of one thread on one key take effect in the order issued: once this answers, the
    // `remember` has either joined a flight or leads one.
    cache.has(key).then(
      () => parentPort.postMessage({ id, asked: true }),
      () => {},
    );
    return outcome;
  },

  async lock({ id, key, options }) {
    const lock = await cache.lock(key, options);
    locks.set(id, lock);
    return { id, acquired: lock.acquired, token: lock.token };
  },
  release: ({ lock }) => locks.get(lock).release(),

  listen({ names }) {
    for (const name of names) {
      cache.on(name, (payload) => {
        events.push({ event: name, key: payload.key, reason: payload.reason });
        parentPort.postMessage({ event: name, key: payload.key, reason: payload.reason });
      });
    }
  },
  events: () => events,
};

parentPort.on('message', async (message) => {
  if (message.op === 'finish') {
    const end = factories.get(message.id);
    if ('value' in message) end.resolve(message.value);
    else end.reject(Object.assign(new Error(message.error.message), { name: message.error.name }));
    return;
  }
  try {
    parentPort.postMessage({ id: message.id, value: await operations[message.op](message) });
  } catch (error) {
    parentPort.postMessage({ id: message.id, error: plain(error) });
  }
});

parentPort.postMessage({ ready: true });
