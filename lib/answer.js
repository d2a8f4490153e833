'use strict';

/**
 * What a store answers: the answer itself where the store is in this process, a promise of it where it is a
 * backend. Written once for both, and without a promise where there is none.
 */

/**
 * @template T, R
 * @param {T | Promise<T>} answer
 * @param {(answer: T) => R | Promise<R>} act
 * @returns {R | Promise<R>}
 */
const then = (answer, act) => (answer instanceof Promise ? answer.then(act) : act(answer));

/**
 * An answer that nobody needs to have: `undefined` if there is none.
 *
 * @template T
 * @param {() => T | Promise<T>} ask
 * @returns {T | undefined | Promise<T | undefined>}
 */
function quietly(ask) {
  try {
    const answer = ask();
    return answer instanceof Promise ? answer.catch(() => undefined) : answer;
  } catch {
    return undefined;
  }
}

/**
 * What a read found, as its caller gets it.
 *
 * @param {{ value: unknown } | undefined} found
 */
const valueOrNull = (found) => (found === undefined ? null : found.value);

exports.then = then;
exports.valueOrNull = valueOrNull;
exports.quietly = quietly;
