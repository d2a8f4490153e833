'use strict';

// What a VeloxTS app does with a plugin and a procedure, in thirty lines of Fastify, so that the
// example runs without VeloxTS. With it, the import is the only difference:
//
//   import { veloxApp } from '@veloxts/velox';

const Fastify = require('fastify');

async function veloxApp() {
  const server = Fastify();
  // VeloxTS makes the context of a request; plugins add to it.
  server.addHook('onRequest', async (request, reply) => {
    request.context = { request, reply };
  });

  return {
    server,
    register: async (plugin, options) => {
      await server.register(plugin, options ?? {});
    },
    /** A query procedure as a route: it gets a copy of the context, and the input. */
    query(url, handler) {
      server.get(url, async (request) => handler({ input: request.params, ctx: { ...request.context } }));
    },
  };
}

module.exports = { veloxApp };
