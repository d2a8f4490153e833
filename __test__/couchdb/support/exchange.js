'use strict';

// Requests as they are read and answers as they are written, whole or not.

const { setImmediate: turn } = require('node:timers/promises');

const { parseJson } = require('./documents.js');
const { badRequest } = require('./refusals.js');

// CouchDB's limit for the line that holds the method and the URL.
const LONGEST_LINE = 8192;
const SERVER = 'CouchDB/3.5.0 (Erlang OTP/25)';

/**
 * @typedef {object} Reply with `json`, `chunks` or `stream`
 * @property {number} status
 * @property {Record<string, string>} [headers]
 * @property {any} [json] has a length that is told
 * @property {string[]} [chunks]
 * @property {(output: Output) => void} [stream] goes on until it ends the output
 * @property {'unanswered' | Cut} [cut] what is done to it on its way
 * @property {number} [pieces] the bytes that are written at a time
 * @property {boolean} [bare] without the headers that say what the body is
 *
 * @typedef {object} Cut after half the body, or after the first that a stream has to say
 * @property {Promise<unknown>} [until] when the rest follows; without it the connection is reset
 */

class Request {
  /** When it was complete, by `performance.now()`. */
  at = performance.now();
  method;
  /** As it was sent, without the query and without the path before the database. */
  path;
  query;
  headers;
  /** The status of the answer, as soon as it is sent. @type {number | undefined} */
  status;
  /** Whether the body was needed. CouchDB closes the connection if it was not, because it is still there. */
  consumed = false;
  /** The name of who asks. @type {string | null} */
  user = null;
  /** Set by a fault: documents whose writes conflict. @type {((document: any) => boolean) | undefined} */
  conflicts;
  /** Set by a fault: documents that cannot be reached. @type {((document: any) => boolean) | undefined} */
  fails;
  /** Set by a fault: what the request does to documents is undone. */
  lost = false;
  #bytes;

  constructor({ method, url, headers }, bytes, basePath) {
    const [path, query] = url.split(/\?(.*)/s);
    this.method = method;
    this.path = path.startsWith(basePath) ? path.slice(basePath.length) : path;
    this.query = new URLSearchParams(query);
    this.headers = headers;
    this.#bytes = bytes;
    this.foreign = !path.startsWith(basePath);
    this.tooLong = Buffer.byteLength(`${method} ${url} HTTP/1.1\r\n`) > LONGEST_LINE;
  }

  /** The parts of the path, decoded. */
  get parts() {
    if (/%(?![0-9a-f]{2})/i.test(this.path)) throw badRequest('invalid_url_encoding');
    const parts = this.path.split('/').filter((part) => part !== '');
    return parts.map(decode);
  }

  /** What the body holds, or `undefined` if that is not JSON. */
  get body() {
    try {
      return parseJson(this.#bytes);
    } catch {
      return undefined;
    }
  }

  get empty() {
    return this.#bytes.length === 0;
  }

  /** The body, for those who need it. */
  json() {
    this.consumed = true;
    const { 'content-length': length, 'transfer-encoding': encoding } = this.headers;
    if (length === undefined && encoding === undefined) throw badRequest('Missing request body');
    return parseJson(this.#bytes);
  }
}

function decode(part) {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch {
    // What is not UTF-8 is no id that anything could have.
    return '\ud800';
  }
}

/** @returns {Promise<Buffer>} */
async function readBody(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a feed writes to. */
class Output {
  #response;
  #cut;
  #reset;
  #cutting = false;
  #paused = false;
  /** @type {(() => void)[]} */
  #waiting = [];

  constructor(response, { cut, reset }) {
    this.#response = response;
    this.#cut = cut;
    this.#reset = reset;
  }

  write(text) {
    this.#do(() => this.#response.write(text));
    if (this.#cut === undefined || this.#cutting) return;
    this.#cutting = true;
    if (this.#cut.until === undefined) {
      // What is still on its way when a connection is reset is lost.
      this.#response.write('', () => this.#reset());
      return;
    }
    this.pause();
    void this.#cut.until.then(() => this.resume());
  }

  end() {
    this.#do(() => this.#response.end());
  }

  onClose(listener) {
    this.#response.once('close', listener);
  }

  pause() {
    this.#paused = true;
  }

  resume() {
    this.#paused = false;
    for (const step of this.#waiting.splice(0)) step();
  }

  #do(step) {
    if (this.#paused) this.#waiting.push(step);
    else step();
  }
}

/**
 * Writes a reply.
 *
 * @param {import('node:http').ServerResponse} response
 * @param {Reply} reply
 * @param {{ now: () => number, reset: () => void, opened: (output: Output) => void }} connection
 */
async function transmit(response, reply, { now, reset, opened }) {
  const { cut } = reply;
  if (cut === 'unanswered') {
    reset();
    return;
  }
  const chunks = reply.chunks ?? (reply.json === undefined ? [''] : [`${JSON.stringify(reply.json)}\n`]);
  // As CouchDB says it.
  if (reply.status === 404) response.statusMessage = 'Object Not Found';
  response.writeHead(reply.status, {
    ...(reply.bare ? {} : { 'Cache-Control': 'must-revalidate', 'Content-Type': 'application/json' }),
    Date: new Date(now()).toUTCString(),
    Server: SERVER,
    'X-Couch-Request-ID': Math.random().toString(16).slice(2, 12),
    'X-CouchDB-Body-Time': '0',
    ...(reply.chunks || reply.stream ? {} : { 'Content-Length': `${Buffer.byteLength(chunks[0])}` }),
    ...reply.headers,
  });
  if (reply.stream && response.req.method !== 'HEAD') {
    // A feed that is kept silent is open all the same.
    response.flushHeaders();
    const output = new Output(response, { cut, reset });
    opened(output);
    reply.stream(output);
    return;
  }
  if (cut === undefined) await writeAll(response, chunks, reply.pieces);
  else await writeHalf(response, Buffer.from(chunks.join('')), cut, reset);
}

async function writeAll(response, chunks, pieces) {
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk);
    const size = pieces ?? Math.max(1, bytes.length);
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size));
      if (pieces !== undefined) await turn();
    }
  }
  response.end();
}

async function writeHalf(response, bytes, { until }, reset) {
  const middle = bytes.length >> 1;
  if (until === undefined) {
    response.write(bytes.subarray(0, middle), () => reset());
    return;
  }
  response.write(bytes.subarray(0, middle));
  await until;
  response.end(bytes.subarray(middle));
}

module.exports = { Request, readBody, transmit };
