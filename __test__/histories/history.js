'use strict';

/**
 * How a history is written and read: a file of JSON lines for each process.
 *
 * A line is written before an operation is called and another after it was answered, each by a write that is over
 * before the next statement: what a process did before it was killed is in its file.
 */

const fs = require('node:fs');

/**
 * How long after its process was killed, or after it failed, an operation may still take effect, in nanoseconds: a
 * server reads what is left in a connection. Far above what that takes.
 */
const SETTLES = 2e9;

class Recorder {
  #file;
  #epoch;
  #next = 0;

  /**
   * @param {string} path
   * @param {bigint} epoch the moment that is 0, on `process.hrtime.bigint()`'s clock
   */
  constructor(path, epoch) {
    this.#file = fs.openSync(path, 'a');
    this.#epoch = epoch;
  }

  /** Nanoseconds since the epoch. The clock is the machine's, so that all its processes agree. */
  now() {
    return Number(process.hrtime.bigint() - this.#epoch);
  }

  /**
   * Records an operation from before its call to after its answer.
   *
   * @param {object} operation
   * @param {(id: number) => Promise<object>} call resolves to what is known of the answer
   */
  async perform(operation, call) {
    const id = this.#next;
    this.#next += 1;
    this.note('begin', { id, ...operation });
    try {
      const answer = await call(id);
      this.note('end', { id, ok: true, ...answer });
    } catch (error) {
      this.note('end', { id, ok: false, error: String(error?.code ?? error?.message ?? error) });
    }
  }

  /**
   * @param {'begin' | 'end' | 'run' | 'ran' | 'hold' | 'drop' | 'killed'} what
   * @param {object} details
   */
  note(what, details) {
    fs.writeSync(this.#file, `${JSON.stringify({ what, at: this.now(), ...details })}\n`);
  }

  close() {
    fs.closeSync(this.#file);
  }
}

/**
 * The operations of one process.
 *
 * @param {string} name the process's
 * @param {string} path
 * @returns {{ operations: (import('./checker.js').Operation & { error?: string })[]; killed: boolean }}
 */
function readHistory(name, path) {
  const lines = fs.readFileSync(path, 'utf8').split('\n');
  /** @type {Map<number, any>} */
  const operations = new Map();
  let killed = Infinity;
  for (const line of lines) {
    const note = parse(line);
    if (note === undefined) continue;
    if (note.what === 'killed') killed = Math.min(killed, note.at);
    else if (note.what === 'begin') operations.set(note.id, begun(name, note));
    else apply(operations.get(note.id), note);
  }
  for (const operation of operations.values()) {
    if (operation.end === Infinity) operation.end = killed + SETTLES;
    for (const run of operation.runs) run.end = Math.min(run.end, killed);
    if (operation.hold) operation.hold.end = Math.min(operation.hold.end, killed);
  }
  return { operations: [...operations.values()], killed: killed !== Infinity };
}

/**
 * The last line of a process that was killed may be half a line.
 *
 * @param {string} line
 */
function parse(line) {
  try {
    return line === '' ? undefined : JSON.parse(line);
  } catch {
    return undefined;
  }
}

function begun(name, { what: _what, id: _id, at, ...operation }) {
  return { process: name, ...operation, start: at, end: Infinity, ok: false, runs: [] };
}

function apply(operation, { what, at, id: _id, ...details }) {
  if (what === 'end') {
    Object.assign(operation, details, { end: details.ok ? at : at + SETTLES });
    if (operation.hold && details.ok) operation.hold.outcome = details.released ? 'released' : 'lost';
  } else if (what === 'run') {
    operation.runs.push({ id: details.run, start: at, end: Infinity, tags: details.tags, returned: false });
  } else if (what === 'ran') {
    const run = operation.runs.find(({ id }) => id === details.run);
    run.end = at;
    run.returned = details.returned;
    run.tags = [...new Set([...run.tags, ...details.tags])];
  } else if (what === 'hold') {
    operation.hold = { start: at, end: Infinity, token: details.token, outcome: 'unknown' };
  } else if (what === 'drop') operation.hold.end = at;
}

module.exports = { Recorder, SETTLES, readHistory };
