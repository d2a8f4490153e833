'use strict';

/** Fastify apps for the plugin's tests: they are closed when their test ends. */

const Fastify = require('fastify');

/**
 * @param {import('node:test').TestContext} t
 * @param {import('fastify').FastifyServerOptions} [options]
 */
function createApp(t, options) {
  const app = Fastify(options);
  t.after(() => app.close());
  return app;
}

/**
 * A logger whose lines the test reads. `line(predicate)` resolves to the first line that matches,
 * whether it was written already or is still to come.
 */
function createLog() {
  const lines = [];
  const waiting = new Set();
  const stream = {
    write(text) {
      const line = JSON.parse(text);
      lines.push(line);
      for (const waiter of waiting) {
        if (!waiter.predicate(line)) continue;
        waiting.delete(waiter);
        waiter.resolve(line);
      }
    },
  };
  const line = (predicate) => {
    const found = lines.find(predicate);
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => {
      waiting.add({ predicate, resolve });
    });
  };
  return { options: { logger: { level: 'debug', stream } }, lines, line };
}

module.exports = { createApp, createLog };
