'use strict';

// The other side of peer.js. It ends with the process that started it.

const { Cache } = require('../../../index.js');
const { deferred } = require('../../support/deferred.js');

const send = (message) => process.send?.(message);
const factories = new Map();
let cache;

async function answer({ id, tags, method, args, ...ending }) {
  if (method === 'remember') {
    const end = deferred();
    factories.set(id, end);
    if ('value' in ending) end.resolve(ending.value);
    args.push(() => {
      send({ id, started: true });
      return end.promise;
    });
  }
  const target = tags === undefined ? cache : cache.tags(tags);
  try {
    send({ id, value: await target[method](...args) });
  } catch ({ name, code, message }) {
    send({ id, error: { name, code, message } });
  }
}

process.on('disconnect', () => process.exit());
process.on('message', (/** @type {any} */ message) => {
  if (message.open) cache = new Cache(message.open);
  else if (message.finish) factories.get(message.id).resolve(message.value);
  else answer(message);
});
