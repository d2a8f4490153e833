'use strict';

// A client for the tests' own use. It knows nothing but RESP2, so that a fault of the driver's client is
// not also one of what checks it.

const net = require('node:net');
const tls = require('node:tls');

const LINE_END = Buffer.from('\r\n');

/** An error that the server answered with; `code` is its first word. */
class RespError extends Error {
  constructor(text) {
    super(text);
    this.name = 'RespError';
    this.code = text.split(' ', 1)[0];
  }
}

/** The bytes of a command. Arguments are strings, numbers or bytes. */
function encode(args) {
  const parts = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(`${arg}`);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, LINE_END);
  }
  return Buffer.concat(parts);
}

/** Reads the reply that starts at `at`: `{ value, end }`, or `{ need }`, a length below which it cannot end. */
function decode(bytes, at) {
  const lineEnd = bytes.indexOf(LINE_END, at);
  if (lineEnd === -1) return { need: bytes.length + 1 };
  const line = bytes.toString('utf8', at + 1, lineEnd);
  const start = lineEnd + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
      return { value: line, end: start };
    case '-':
      return { value: new RespError(line), end: start };
    case ':':
      return { value: Number(line), end: start };
    case '$': {
      const end = start + Number(line) + 2;
      if (line === '-1') return { value: null, end: start };
      return bytes.length < end ? { need: end } : { value: bytes.subarray(start, end - 2), end };
    }
    case '*':
      return line === '-1' ? { value: null, end: start } : decodeArray(bytes, start, Number(line));
    default:
      throw new Error(`not RESP2: ${JSON.stringify(bytes.toString('latin1', at, at + 40))}`);
  }
}

function decodeArray(bytes, start, length) {
  const value = [];
  let end = start;
  for (let index = 0; index < length; index += 1) {
    const item = decode(bytes, end);
    if (item.need !== undefined) return item;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}

const text = (value) => {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return Array.isArray(value) ? value.map(text) : value;
};

class Client {
  #socket;
  #limit;
  #waiting = [];
  #chunks = [];
  #received = 0;
  #need = 1;
  /** Replies that no command waits for, such as the messages of a subscription. */
  unasked = [];

  constructor(socket, limit) {
    this.#socket = socket;
    this.#limit = limit;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    for (const event of ['end', 'close']) {
      socket.on(event, () => this.#fail(new Error('the connection was closed')));
    }
  }

  /** Resolves to the reply, with text for bytes; rejects with a {@link RespError}. */
  async command(...args) {
    return text(await this.buffers(...args));
  }

  /** As `command`, with the reply's exact bytes. */
  async buffers(...args) {
    const [reply] = await this.pipeline([args]);
    if (reply instanceof RespError) throw reply;
    return reply;
  }

  /** All replies to `commands`, sent in one write: bytes are left as they are, errors are values. */
  pipeline(commands) {
    const replies = commands.map(() => this.next());
    this.write(Buffer.concat(commands.map(encode)));
    return Promise.all(replies);
  }

  /** Sends bytes as they are. */
  write(bytes) {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Resolves to the next reply, rejects if it does not come in time. */
  next() {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the connection was closed'));
        return;
      }
      const timer = setTimeout(() => {
        this.#fail(new Error(`no reply within ${this.#limit} ms`));
      }, this.#limit);
      this.#waiting.push({ resolve, reject, timer });
    });
  }

  close() {
    this.#socket.destroy();
  }

  #receive(chunk) {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    // A long reply is put together once and not once a chunk.
    if (this.#received < this.#need) return;
    const bytes = Buffer.concat(this.#chunks);
    let at = 0;
    this.#need = 1;
    try {
      while (at < bytes.length) {
        const { value, end, need } = decode(bytes, at);
        if (need !== undefined) {
          this.#need = need - at;
          break;
        }
        at = end;
        this.#answer(value);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#chunks = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#received = bytes.length - at;
  }

  #answer(value) {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.unasked.push(value);
      return;
    }
    clearTimeout(waiting.timer);
    waiting.resolve(value);
  }

  #fail(error) {
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
  }
}

/**
 * Opens a connection and signs in.
 *
 * @param {{ host?: string, port?: number, path?: string, tls?: import('node:tls').ConnectionOptions | null,
 *   username?: string | null, password?: string | null, limit?: number }} address
 *   `limit` is how long (in milliseconds) the connection and each reply may take
 */
async function connect({ host, port, path, tls: secure, username, password, limit = 5000 }) {
  const target = path === undefined ? { host, port } : { path };
  const socket = secure ? tls.connect({ ...target, ...secure }) : net.connect(/** @type {any} */ (target));
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${limit} ms`));
    }, limit);
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed'));
    });
  });
  const client = new Client(socket, limit);
  try {
    if (password) await client.command('AUTH', ...(username ? [username] : []), password);
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

module.exports = { RespError, connect, encode };
