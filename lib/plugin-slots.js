'use strict';

/**
 * Which caches a Fastify instance has, and what `fastify.cache` is.
 *
 * A slot stands behind one decorator of one encapsulation scope. It holds at most one default cache
 * and any number of namespaced ones, registered in any order: `fastify.cache` is the default cache if
 * there is one (the namespaced ones are then its properties), otherwise an object of the namespaced
 * ones. Fastify's own rule holds for who sees it: a scope and its children.
 */

const { makeError } = require('./errors.js');

/**
 * @typedef {import('../index.js').Cache} Cache
 * @typedef {Record<string, Cache>} Named
 * @typedef {{ cache: Cache | undefined, named: Named }} Slot
 * @typedef {Record<string, Slot>} Slots by decorator; inherits from those of the parent scope
 */

/** Holds an instance's slots. Registered globally, so that two copies of this package agree. */
const SLOTS = Symbol.for('ferrocache.slots');
/** Holds the instance's default cache, under the name that VeloxTS's packages look for. */
const MANAGER = Symbol.for('@veloxts/cache:manager');
/** The decorator that `request.context` shows first. */
const DEFAULT_DECORATOR = 'cache';

/**
 * @param {any} instance
 * @returns {Slots}
 */
function slotsOf(instance) {
  return instance[SLOTS] ?? Object.create(null);
}

/**
 * @param {any} instance
 * @returns {Slots} the instance's own ones, through which the parent's are seen
 */
function ownSlotsOf(instance) {
  if (!Object.hasOwn(instance, SLOTS)) {
    Object.defineProperty(instance, SLOTS, { value: Object.create(instance[SLOTS] ?? null) });
  }
  return instance[SLOTS];
}

/**
 * @param {object} object
 * @returns {string[]} its own keys after those that it inherits
 */
function keysOf(object) {
  const parent = Object.getPrototypeOf(object);
  return [...(parent === null ? [] : keysOf(parent)), ...Object.keys(object)];
}

/**
 * Refuses a registration that would take something away from another plugin or another cache.
 *
 * @param {any} instance
 * @param {string} decorator
 * @param {string | undefined} namespace
 * @param {object} prototype `Cache.prototype`: its members cannot be namespaces
 * @throws {import('../index.js').CacheError} `CACHE_PLUGIN`
 */
function assertFree(instance, decorator, namespace, prototype) {
  const slot = slotsOf(instance)[decorator];
  if (slot === undefined) {
    const taken =
      decorator in instance ||
      (typeof instance.hasRequestDecorator === 'function' && instance.hasRequestDecorator(decorator));
    if (taken) {
      throw makeError(
        'CACHE_PLUGIN',
        `the decorator \`${decorator}\` is taken, by Fastify or by another plugin (@fastify/caching ` +
          "decorates `cache`): give this one another name, as in `decorator: 'appCache'`. " +
          '(`namespace` only adds caches to a decorator that this plugin made.)',
      );
    }
  }
  if (namespace === undefined) {
    if (slot?.cache !== undefined) {
      throw makeError(
        'CACHE_PLUGIN',
        `the cache plugin is already registered as \`${decorator}\`: give the further cache a ` +
          `\`namespace\` (it becomes \`fastify.${decorator}.<namespace>\`) or another \`decorator\``,
      );
    }
    return;
  }
  // `then` would make `await fastify.cache` call it.
  if (namespace in prototype || namespace === 'then' || namespace === '__proto__') {
    throw makeError(
      'CACHE_PLUGIN',
      `the namespace \`${namespace}\` is the name of a member of the cache: choose another \`namespace\``,
    );
  }
  if (slot !== undefined && (namespace in slot.named || (slot.cache && namespace in slot.cache))) {
    throw makeError(
      'CACHE_PLUGIN',
      `the namespace \`${namespace}\` is already registered as \`fastify.${decorator}.${namespace}\`: ` +
        'choose another `namespace`',
    );
  }
}

/**
 * @param {Cache} cache
 * @param {string} namespace
 * @param {Cache} value
 */
function show(cache, namespace, value) {
  Object.defineProperty(cache, namespace, { value, enumerable: true, configurable: true });
}

/**
 * The slot that a registration goes to; makes it, and its decorators, if this scope has none.
 *
 * @param {any} instance
 * @param {string} decorator
 * @param {string | undefined} namespace
 * @returns {Slot}
 */
function claimSlot(instance, decorator, namespace) {
  const slots = ownSlotsOf(instance);
  const inherited = slots[decorator];
  if (Object.hasOwn(slots, decorator)) return inherited;
  // A parent's default cache is one object for all its scopes: what is named on it is seen by all.
  if (namespace !== undefined && inherited?.cache !== undefined) return inherited;

  /** @type {Slot} */
  const slot = { cache: undefined, named: Object.create(inherited?.named ?? null) };
  // A getter, because what it returns changes when a default cache joins namespaced ones, and because
  // Fastify refuses an object as a request decorator.
  const decoration = { getter: () => slot.cache ?? slot.named };
  instance.decorate(decorator, decoration);
  if (typeof instance.decorateRequest === 'function') {
    instance.decorateRequest(decorator, decoration);
  }
  slots[decorator] = slot;
  return slot;
}

/**
 * Puts a cache where the app finds it. The caller has made sure with {@link assertFree} that it may.
 *
 * @param {any} instance
 * @param {string} decorator
 * @param {string | undefined} namespace
 * @param {Cache} cache
 */
function place(instance, decorator, namespace, cache) {
  const slot = claimSlot(instance, decorator, namespace);
  if (namespace !== undefined) {
    slot.named[namespace] = cache;
    if (slot.cache) show(slot.cache, namespace, cache);
    return;
  }
  slot.cache = cache;
  for (const name of keysOf(slot.named)) show(cache, name, slot.named[name]);
  // The first default cache is the app's, unless one comes under the usual name.
  if (instance[MANAGER] === undefined || decorator === DEFAULT_DECORATOR) {
    Object.defineProperty(instance, MANAGER, { value: cache, configurable: true });
  }
}

/**
 * The decorator that `request.context.cache` shows in this scope.
 *
 * @param {any} instance
 * @returns {string}
 */
function contextDecorator(instance) {
  const slots = slotsOf(instance);
  if (DEFAULT_DECORATOR in slots) return DEFAULT_DECORATOR;
  return keysOf(slots)[0] ?? DEFAULT_DECORATOR;
}

/**
 * @param {any} instance
 * @param {string} [namespace]
 * @returns {Cache | undefined} the cache that the instance or a parent of it has
 */
function findCache(instance, namespace) {
  if (namespace === undefined) return instance[MANAGER];
  const slots = slotsOf(instance);
  const first = slots[contextDecorator(instance)]?.named[namespace];
  if (first) return first;
  for (const decorator of keysOf(slots)) {
    const found = slots[decorator].named[namespace];
    if (found) return found;
  }
  return undefined;
}

module.exports = { assertFree, contextDecorator, findCache, place };
