'use strict';

/**
 * An app that treats plugins the way VeloxTS does, for which see `packages/core` of
 * veloxts/velox-ts-framework: the context is made by an onRequest hook that the constructor adds;
 * `register` takes a plugin object (name, version, register) or a Fastify plugin and always passes
 * options; procedures get the context, spread-copied when an auth plugin has something to add.
 */

const Fastify = require('fastify');
const fastifyPlugin = require('fastify-plugin');

class VeloxLikeApp {
  constructor() {
    this.server = Fastify();
    this.server.addHook('onRequest', async (request, reply) => {
      request.context = { request, reply };
    });
  }

  async register(plugin, options) {
    if (typeof plugin === 'object' && plugin !== null) {
      for (const part of ['name', 'version']) {
        if (typeof plugin[part] !== 'string' || plugin[part].trim() === '') {
          throw new Error(`the plugin has no ${part}`);
        }
      }
      const wrapped = fastifyPlugin(plugin.register, { name: plugin.name, fastify: '5.x' });
      await this.server.register(wrapped, options ?? {});
      return;
    }
    if (typeof plugin !== 'function') throw new Error('not a plugin');
    await this.server.register(plugin, options ?? {});
  }

  /** The form of the guide: reads what a plugin says of itself, whatever its type. */
  async use({ name, version, register }, options) {
    await this.register({ name, version, register }, options);
  }

  /** A route whose handler is a procedure. */
  procedure(url, handler) {
    this.server.get(url, async (request) => handler({ ctx: { ...request.context, user: null } }));
  }
}

/** @param {import('node:test').TestContext} t */
function createVeloxApp(t) {
  const app = new VeloxLikeApp();
  t.after(() => app.server.close());
  return app;
}

module.exports = { createVeloxApp };
