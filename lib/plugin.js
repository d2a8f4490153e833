'use strict';

/**
 * The Fastify plugin, which is also its own factory and a VeloxTS plugin. What a registration does,
 * in this order: check the options, check that nothing is taken away from others, make the cache,
 * bring it up, and only then decorate. If a step fails, the cache is closed and nothing is decorated.
 */

const fastifyPlugin = require('fastify-plugin');

const { version } = require('../package.json');
const { Cache } = require('./cache.js');
const { makeError } = require('./errors.js');
const { attachLens } = require('./lens.js');
const { validatePluginOptions } = require('./options.js');
const { assertFree, contextDecorator, place } = require('./plugin-slots.js');

/**
 * @typedef {import('../index.js').Cache} AnyCache
 * @typedef {import('../index.js').CacheLogger} CacheLogger
 * @typedef {import('../index.js').CachePlugin} CachePlugin
 * @typedef {import('../index.js').CachePluginOptions} CachePluginOptions
 * @typedef {import('../index.js').FastifyLike} FastifyLike
 */

/** The plugin's name: what `fastify.hasPlugin()` and other plugins' `dependencies` take. */
const PLUGIN_NAME = 'ferrocache';
const META = { name: PLUGIN_NAME, fastify: '5.x' };

/** The longest that `ready: true` holds up the app, in milliseconds. */
const READY_TIMEOUT_MS = 8_000;
/** The part of a shorter `pluginTimeout` that `ready: true` uses, so that our error comes first. */
const READY_SHARE = 0.8;

/** Marks the instances whose requests already get `context.cache`. */
const PROVIDES = Symbol.for('ferrocache.provides');

/**
 * @param {unknown} value
 * @returns {value is FastifyLike}
 */
function isInstance(value) {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (/** @type {any} */ (value).decorate) === 'function' &&
    typeof (/** @type {any} */ (value).addHook) === 'function'
  );
}

/**
 * @param {unknown} options
 * @param {unknown} further come on top
 * @returns {unknown} not merged if one is no object: the validation then names what it got
 */
function mergeOptions(options, further) {
  if (further === undefined || further === null) return options ?? {};
  if (options === undefined || options === null) return further;
  if (typeof options !== 'object' || typeof further !== 'object') {
    return typeof options === 'object' ? further : options;
  }
  return { ...options, ...further };
}

/**
 * @param {any} instance
 * @param {string} name
 * @returns {CacheLogger | undefined}
 */
function childLogger(instance, name) {
  const { log } = instance;
  if (typeof log?.child === 'function') return log.child({ cache: name });
  return typeof log?.warn === 'function' && typeof log?.error === 'function' ? log : undefined;
}

/**
 * @param {AnyCache} cache
 * @param {any} instance
 * @returns {Promise<void>}
 * @throws {import('../index.js').CacheError} `CACHE_TIMEOUT`
 */
async function awaitReady(cache, instance) {
  const pluginTimeout = instance.initialConfig?.pluginTimeout;
  // 0 turns Fastify's timeout off.
  const bound =
    typeof pluginTimeout === 'number' && pluginTimeout > 0
      ? Math.min(READY_TIMEOUT_MS, pluginTimeout * READY_SHARE)
      : READY_TIMEOUT_MS;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const deadline = new Promise((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        makeError(
          'CACHE_TIMEOUT',
          `the cache (driver \`${cache.driver}\`) was not ready within ${bound / 1_000} s of its registration`,
        ),
      );
    }, bound);
  });
  try {
    await Promise.race([cache.ready(), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Gives each request's `context`, where the app makes one, an own enumerable `cache`: VeloxTS hands
 * procedures a spread copy of it.
 *
 * VeloxTS makes the context in an `onRequest` hook that may have been added before this plugin or
 * after it. So there are two hooks: `onRequest` for the first case, `preParsing`, the next phase, for
 * the second. An app without contexts pays two calls that read one property.
 *
 * @param {any} instance
 */
function provideContext(instance) {
  // A child's requests pass the parent's hooks, which look at the child's decorators.
  if (instance[PROVIDES]) return;
  Object.defineProperty(instance, PROVIDES, { value: true });

  const provide = (/** @type {any} */ request) => {
    const { context } = request;
    if (typeof context !== 'object' || context === null || Object.hasOwn(context, 'cache')) return;
    const value = request[contextDecorator(request.server)];
    if (value === undefined) return;
    if ('cache' in context) {
      Object.defineProperty(context, 'cache', {
        value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    } else {
      context.cache = value;
    }
  };
  const provideSafely = (/** @type {any} */ request) => {
    try {
      provide(request);
    } catch {
      // A frozen or hostile context stays as it is; a throw here would end the process.
    }
  };
  instance.addHook(
    'onRequest',
    (/** @type {any} */ request, /** @type {any} */ _reply, /** @type {() => void} */ done) => {
      provideSafely(request);
      done();
    },
  );
  instance.addHook(
    'preParsing',
    (
      /** @type {any} */ request,
      /** @type {any} */ _reply,
      /** @type {any} */ _payload,
      /** @type {() => void} */ done,
    ) => {
      provideSafely(request);
      done();
    },
  );
}

/**
 * Registers a cache on an instance.
 *
 * @param {FastifyLike} instance
 * @param {unknown} rawOptions
 * @returns {Promise<void>}
 * @throws {import('../index.js').CacheError} `CACHE_CONFIG`, `CACHE_PLUGIN`, `CACHE_TIMEOUT`
 */
async function install(instance, rawOptions) {
  if (!isInstance(instance)) {
    throw makeError(
      'CACHE_PLUGIN',
      'the cache plugin registers on a Fastify instance (for VeloxTS: `app.register(cachePlugin(…))`)',
    );
  }
  const { cache: cacheOptions, plugin } = validatePluginOptions(
    /** @type {CachePluginOptions} */ (rawOptions),
  );
  const { namespace, ready, lens } = plugin;
  const decorator = plugin.decorator ?? 'cache';
  assertFree(instance, decorator, namespace, Cache.prototype);

  const logger = cacheOptions.logger ?? childLogger(instance, namespace ?? cacheOptions.name ?? decorator);
  const cache = new Cache(logger ? { ...cacheOptions, logger } : cacheOptions);
  /** @type {(() => void) | undefined} */
  let detachLens;
  try {
    if (ready) await awaitReady(cache, instance);
    if (lens) detachLens = await attachLens(cache, lens, { logger });
    // Again: other registrations may have come in between.
    assertFree(instance, decorator, namespace, namespace === undefined ? Cache.prototype : cache);
    // Hooks first: an app that has started refuses them, and must not be left with a closed cache.
    instance.addHook('onClose', async () => {
      try {
        await cache.close();
      } finally {
        detachLens?.();
      }
    });
    provideContext(instance);
    place(instance, decorator, namespace, cache);
  } catch (error) {
    detachLens?.();
    // What made the registration fail is the error to report, not what closing makes of it.
    await cache.close().catch(() => {});
    throw error;
  }
}

/**
 * @param {unknown} options
 * @returns {CachePlugin}
 */
function createPlugin(options) {
  const register = (/** @type {FastifyLike} */ server, /** @type {unknown} */ further) =>
    install(server, mergeOptions(options, further));
  const plugin = fastifyPlugin(
    (/** @type {FastifyLike} */ instance, /** @type {unknown} */ further) =>
      install(instance, mergeOptions(options, further)),
    META,
  );
  // What VeloxTS's `app.use` reads. `register` is a function of its own, because an app may wrap it.
  Object.defineProperties(plugin, {
    name: { value: PLUGIN_NAME, enumerable: true, configurable: true },
    version: { value: version, enumerable: true, configurable: true },
    register: { value: register, enumerable: true, configurable: true },
  });
  return /** @type {CachePlugin} */ (/** @type {unknown} */ (plugin));
}

/**
 * The plugin, and its factory: with a Fastify instance first it registers, otherwise it returns a
 * plugin that has the options. Options are checked when the plugin registers, not before.
 *
 * @param {unknown} [first] a Fastify instance, or {@link CachePluginOptions}
 * @param {unknown} [options] with an instance: {@link CachePluginOptions}, by default `{}`
 * @returns {Promise<void> | CachePlugin}
 */
function cachePlugin(first, options) {
  return isInstance(first) ? install(first, options ?? {}) : createPlugin(first);
}

const wrapped = fastifyPlugin(/** @type {any} */ (cachePlugin), META);
// fastify-plugin adds a reference of the function to itself under the plugin's name; the function is
// the package's main export, where that would be one more public name.
delete (/** @type {any} */ (wrapped)[PLUGIN_NAME]);

module.exports = {
  cachePlugin: /** @type {typeof import('../index.js').cachePlugin} */ (/** @type {unknown} */ (wrapped)),
};
