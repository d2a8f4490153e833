'use strict';

// The events of the cache as Server-Sent Events: `curl -N`, or `new EventSource('/events')`.

/** What is shown. An event that nobody listens to costs nothing, so listeners live as long as a client. */
const EVENTS = [
  ...['hit', 'miss', 'write', 'delete', 'clear', 'expire', 'evict', 'invalidate', 'lock'],
  // Of a server.
  ...['connect', 'disconnect'],
];

/** A client that reads slower than this many bytes behind is skipped, not buffered for. */
const MOST_UNSENT_BYTES = 64 * 1024;

const KEEP_ALIVE_MS = 15_000;

/** A Fastify handler. */
function sendEvents(request, reply) {
  const { cache } = request;
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  raw.write(': listening\n\n');

  const listeners = EVENTS.map((name) => [
    name,
    (event) => {
      if (raw.writableLength > MOST_UNSENT_BYTES) return;
      raw.write(`event: ${name}\ndata: ${JSON.stringify(event)}\n\n`);
    },
  ]);
  for (const [name, listener] of listeners) cache.on(name, listener);
  const keepAlive = setInterval(() => raw.write(': alive\n\n'), KEEP_ALIVE_MS);

  const end = () => raw.end();
  openStreams.add(end);
  raw.on('close', () => {
    openStreams.delete(end);
    clearInterval(keepAlive);
    for (const [name, listener] of listeners) cache.off(name, listener);
  });
}

/** Ends what is open: an endless response would hold up the close of the app. */
const openStreams = new Set();
function endStreams() {
  for (const end of openStreams) end();
}

module.exports = { endStreams, sendEvents };
