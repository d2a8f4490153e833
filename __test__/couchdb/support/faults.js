'use strict';

// What goes wrong with requests, by request.

const { setTimeout: sleep } = require('node:timers/promises');

const { deferred } = require('../../support/deferred.js');
const { until } = require('../../support/wait.js');
const { locked, noDatabase, noShards } = require('./refusals.js');

/**
 * Which requests something happens to: a predicate, a pattern of the path, or all that is named here.
 *
 * @typedef {((request: import('./exchange.js').Request) => boolean) | RegExp | {
 *   method?: string,
 *   path?: RegExp | string,
 *   body?: (body: any) => unknown,
 *   times?: number,
 *   skip?: number,
 * }} Match `skip` of them pass first, then it happens `times` times
 */

/** @param {Match | undefined} match */
function matcher(match) {
  if (match === undefined) return () => true;
  if (typeof match === 'function') return match;
  if (match instanceof RegExp) return (request) => match.test(request.path);
  const { method, path, body } = match;
  const onPath = (request) => (path instanceof RegExp ? path.test(request.path) : request.path === path);
  return (request) =>
    (method === undefined || request.method === method) &&
    (path === undefined || onPath(request)) &&
    // Parsing is the most costly of the three.
    (body === undefined || Boolean(body(request.body)));
}

class Fault {
  /** How often it happened. */
  hits = 0;
  /** Resolves with the first request that it happens to. @type {Promise<import('./exchange.js').Request>} */
  arrived;
  #matches;
  #skip;
  #times;
  #around;
  #arrival = deferred();
  #gate = deferred();

  /**
   * @param {Match | undefined} match
   * @param {(request: any, next: () => Promise<any>, released: Promise<void>) => Promise<any>} around
   * @param {number} [times] unless the match says it
   */
  constructor(match, around, times = Infinity) {
    const limits = typeof match === 'object' && !(match instanceof RegExp) ? match : {};
    this.arrived = this.#arrival.promise;
    this.#matches = matcher(match);
    this.#times = limits.times ?? times;
    this.#skip = limits.skip ?? 0;
    this.#around = around;
  }

  /** Whether it happens to this request; it counts. */
  take(request) {
    if (this.#times <= 0 || !this.#matches(request)) return false;
    if (this.#skip > 0) {
      this.#skip -= 1;
      return false;
    }
    this.#times -= 1;
    this.hits += 1;
    return true;
  }

  run(request, next) {
    this.#arrival.resolve(request);
    return this.#around(request, next, this.#gate.promise);
  }

  /** Resolves when it has happened so many times. */
  async seen(count, { limit = 10_000 } = {}) {
    await until(`the fault happens ${count} times`, () => this.hits >= count, { limit, every: 2 });
  }

  /** Lets go on what it holds; it happens no more. */
  release() {
    this.#times = 0;
    this.#gate.resolve();
  }
}

class Faults {
  /** @type {Fault[]} */
  #faults = [];

  /**
   * Holds the next such request before it is applied, or with `applied` its answer, until it is released.
   * It goes on even if its client is gone by then.
   *
   * @param {Match} [match] with `times` it holds more than one
   * @param {{ applied?: boolean }} [options]
   */
  hold(match, options) {
    return this.#hold(match, options, 1);
  }

  /** As {@link hold}, but every such request. */
  stall(match, options) {
    return this.#hold(match, options, Infinity);
  }

  /** @param {Match} match */
  delay(match, milliseconds) {
    return this.#add(match, async (_request, next) => {
      await sleep(milliseconds);
      return next();
    });
  }

  /** Answers without applying: `json` is the body, a string is sent as it is. */
  answer(match, status, json, headers = {}) {
    const body = typeof json === 'string' ? { chunks: [json] } : { json };
    return this.#add(match, async () => ({ status, headers, ...body }));
  }

  /** Resets the connection before it applies the request, or with `applied` after. */
  drop(match, { applied = false } = {}) {
    return this.#add(match, async (_request, next) => ({
      ...(applied ? await next() : { status: 0 }),
      cut: 'unanswered',
    }));
  }

  /** Applies, answers with half the body and resets the connection, or with `stall` waits for its release. */
  half(match, { stall = false } = {}) {
    return this.#add(match, async (_request, next, released) => ({
      ...(await next()),
      cut: stall ? { until: released } : {},
    }));
  }

  /** Answers in pieces of so many bytes. */
  pieces(match, size) {
    return this.#add(match, async (_request, next) => ({ ...(await next()), pieces: size }));
  }

  /** Applies and answers as a cluster does that wrote to fewer nodes than it wanted. */
  accepted(match) {
    return this.#add(match, async (_request, next) => accepted(await next()));
  }

  /** Answers in the same way, and then nothing has been written. */
  lose(match) {
    return this.#add(match, async (request, next) => {
      request.lost = true;
      return accepted(await next());
    });
  }

  /**
   * Each write conflicts: of a bulk request those of the `documents` that are named by a predicate, the
   * others are applied.
   *
   * @param {Match} [match]
   * @param {(document: any) => boolean} [documents]
   */
  conflict(match, documents = () => true) {
    return this.#add(match, async (request, next) => {
      request.conflicts = documents;
      return next();
    });
  }

  /**
   * A part of the database cannot be reached: the rows of a bulk request that are named by a predicate fail
   * each by itself, the others do not.
   *
   * @param {Match} [match]
   * @param {(document: any) => boolean} [documents]
   */
  failRows(match, documents = () => true) {
    return this.#add(match, async (request, next) => {
      request.fails = documents;
      return next();
    });
  }

  /** What other clients see while a database is deleted and created anew. */
  noShards(match) {
    return this.#refuse(match, noShards());
  }

  noDatabase(match) {
    return this.#refuse(match, noDatabase());
  }

  lockedOut(match) {
    return this.#refuse(match, locked());
  }

  /** Ends every fault; what was held goes on. */
  clear() {
    for (const fault of this.#faults.splice(0)) fault.release();
  }

  /**
   * The answer to a request with all that goes wrong, the oldest fault first.
   *
   * @param {import('./exchange.js').Request} request
   * @param {() => import('./exchange.js').Reply} serve
   * @returns {Promise<import('./exchange.js').Reply>}
   */
  async run(request, serve, faults = [...this.#faults]) {
    const [fault, ...rest] = faults;
    if (fault === undefined) return serve();
    const next = () => this.run(request, serve, rest);
    return fault.take(request) ? fault.run(request, next) : next();
  }

  #hold(match, { applied = false } = {}, times = 1) {
    const around = async (_request, next, released) => {
      if (!applied) await released;
      const reply = await next();
      if (applied) await released;
      return reply;
    };
    return this.#add(match, around, times);
  }

  #refuse(match, refusal) {
    return this.#add(match, async () => refusal.reply);
  }

  #add(match, around, times) {
    const fault = new Fault(match, around, times);
    this.#faults.push(fault);
    return fault;
  }
}

function accepted(reply) {
  if (reply.status !== 200 && reply.status !== 201) return reply;
  const { json } = reply;
  const rows = Array.isArray(json) ? json.map((row) => (row.ok ? { ...row, accepted: true } : row)) : json;
  return { ...reply, status: 202, json: rows };
}

module.exports = { Faults, matcher };
