'use strict';

/** Collects the events of these names: `[{ event, ...payload }]`, in the order they came. */
function record(cache, ...names) {
  const seen = [];
  for (const event of names) {
    cache.on(event, (payload) => {
      seen.push({ event, ...payload });
    });
  }
  return seen;
}

/** Resolves with the payload of the next such event that `accepts`. */
function next(cache, name, accepts = () => true) {
  return new Promise((resolve) => {
    const listener = (payload) => {
      if (!accepts(payload)) return;
      cache.off(name, listener);
      resolve(payload);
    };
    cache.on(name, listener);
  });
}

module.exports = { next, record };
