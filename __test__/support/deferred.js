'use strict';

// Barriers. Nothing here measures or waits for time.

/** A promise with its own handles. */
function deferred() {
  let resolve;
  let reject;
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  // A test that fails before it awaits the promise must report its own failure, not this one.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/**
 * A factory that stands still between its start and its end.
 *
 * `started` resolves with the factory's context when it is first called; the call ends with
 * `resolve(value)` or `reject(error)`; `runs` counts the calls.
 */
function gate() {
  const start = deferred();
  const end = deferred();
  const factory = (context) => {
    factory.runs += 1;
    start.resolve(context);
    return end.promise;
  };
  factory.runs = 0;
  factory.started = start.promise;
  factory.resolve = end.resolve;
  factory.reject = end.reject;
  return factory;
}

/** Lets everything that is ready run: `count` turns of the event loop, I/O included. */
async function turns(count = 3) {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

module.exports = { deferred, gate, turns };
