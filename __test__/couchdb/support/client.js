'use strict';

// A client for tests: no retries, no pool, no opinion about what the answer should be.

/**
 * Credentials and a path may stand in the URL. A body that is neither text nor bytes is sent as JSON. The
 * connection is not used again, so that no request comes upon one that the server has just reset.
 *
 * @param {string} url of the server
 * @param {string} method
 * @param {string} path with a slash at its beginning, encoded
 * @param {any} [body]
 * @param {{ headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<{ status: number, headers: Headers, body: any, text: string }>} `body` is `undefined`
 *   where the answer is no JSON
 */
async function request(url, method, path, body, { headers = {}, signal } = {}) {
  const { origin, pathname, username, password } = new URL(url);
  const credentials = [username, password].map(decodeURIComponent).join(':');
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const response = await fetch(`${origin}${pathname.replace(/\/$/, '')}${path}`, {
    method,
    redirect: 'manual',
    ...(signal === undefined ? {} : { signal }),
    ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
    headers: {
      accept: 'application/json',
      connection: 'close',
      ...(username === '' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text), text };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The lines of a continuous feed, without the empty ones, which are counted.
 *
 * @param {string} url
 * @param {string} path
 */
async function follow(url, path) {
  const { origin, username, password } = new URL(url);
  const credentials = [username, password].map(decodeURIComponent).join(':');
  const abort = new AbortController();
  const response = await fetch(`${origin}${path}`, {
    signal: abort.signal,
    headers: username === '' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
  });
  const feed = {
    status: response.status,
    rows: /** @type {any[]} */ ([]),
    beats: 0,
    ended: false,
    close: () => abort.abort(),
  };
  const read = async () => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of /** @type {any} */ (response.body)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = /** @type {string} */ (lines.pop());
      for (const line of lines) {
        if (line === '') feed.beats += 1;
        else feed.rows.push(JSON.parse(line));
      }
    }
  };
  const done = () => {
    feed.ended = true;
  };
  void read().then(done, done);
  return feed;
}

module.exports = { follow, request };
