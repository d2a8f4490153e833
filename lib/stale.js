'use strict';

/** Values in their grace: what `remember` serves where a run fails or takes too long. */

const { quietly, then } = require('./answer.js');
const { MISS } = require('./codec.js');
const { deadline } = require('./deadline.js');
const { binding } = require('./native.js');

/**
 * The outcome of the run, or a value in its grace. What is served is read when it is served: it may have been
 * written anew or invalidated since the run began.
 *
 * @param {import('./session.js').Session} session
 * @param {import('./flights.js').Request} request
 * @param {Promise<unknown>} outcome
 * @returns {Promise<unknown>}
 */
function orStale(session, { key, shown, timeout }, outcome) {
  return new Promise((resolve, reject) => {
    let served = false;
    let settled = false;
    const show = (/** @type {import('./native.js').Payload | undefined} */ payload) => {
      if (served || settled || session.closed) return served;
      const value = payload === undefined ? MISS : session.decode(payload, key, 'remember');
      if (value === MISS) return false;
      served = true;
      if (session.events.has.stale) session.events.emit('stale', { key: shown, value });
      resolve(value);
      return true;
    };
    // A backend that does not tell has nothing to serve.
    const serve = () =>
      served || session.closed
        ? served
        : then(
            quietly(() => session.store.ask(binding.peek, key)),
            show,
          );
    const late = timeout === undefined || timeout <= 0 ? () => {} : deadline(timeout, serve);
    const arrived = (/** @type {unknown} */ value) => {
      settled = true;
      resolve(value);
    };
    const failed = (/** @type {unknown} */ error) =>
      then(serve(), (instead) => {
        if (!instead) return reject(error);
        return session.closed ? undefined : session.events.error(error, 'remember', shown);
      });
    void outcome.then(arrived, failed).finally(late);
    if (timeout !== undefined && timeout <= 0) void serve();
  });
}

exports.orStale = orStale;
