'use strict';

// Caches in two tiers, and what is to be known of their upper tier.

const { openPeer } = require('../../redis/topologies/peer.js');
const { openFor } = require('../../support/open.js');
const { until } = require('../../support/wait.js');

const LIMIT = { timeout: 60_000 };

let instances = 0;
let keys = 0;

/** A key that no other test has. */
function fresh(label) {
  keys += 1;
  return `${label}:${keys}`;
}

/**
 * Options of an instance of its own, also within this process: caches of one configuration share their tiers. What
 * fails says so, as an outage would look like a miss.
 *
 * @param {Record<string, any>} remote
 * @param {any} [more]
 */
function tiered(remote, { config = {}, ...more } = {}) {
  instances += 1;
  return {
    driver: 'tiered',
    failOpen: false,
    ...more,
    config: { ...config, remote: { maxQueue: 5000 + instances, ...remote, ...config.remote } },
  };
}

/** Whether the upper tier is believed. */
const isTrusted = async (cache) => (await cache.stats()).memory.trusted;

const trusted = (cache, limit = 15_000) =>
  until('the upper tier is believed', () => isTrusted(cache), { every: 1, limit });
const distrusted = (cache, limit = 15_000) =>
  until('the upper tier is not believed', async () => !(await isTrusted(cache)), { every: 1, limit });

/** A cache whose upper tier is believed, closed when the test `t` ends. */
async function openTiered(t, options) {
  const cache = openFor(t, options);
  // Some tests have short time-outs, on a machine that may be busy.
  await until('the server answers', () => cache.ready().then(() => true), { every: 1 });
  await trusted(cache);
  return cache;
}

/** The same in another process. */
async function openTieredPeer(t, options) {
  const peer = await openPeer(t, options);
  await until('the upper tier is believed', async () => (await peer.call('stats')).memory.trusted);
  return peer;
}

/** Which tier gives the value of a key; `null` is a miss. */
async function tierOf(cache, key) {
  let tier = null;
  const heard = (hit) => {
    tier = hit.tier;
  };
  cache.on('hit', heard);
  await cache.get(key);
  cache.off('hit', heard);
  return tier;
}

/**
 * Resolves when the upper tier has the value of a key (the word of how it came there may take it away once), and the
 * hot tier of this thread a copy.
 */
async function kept(cache, key) {
  await until(`${key} is kept`, async () => (await tierOf(cache, key)) === 'memory', { every: 1 });
  for (let times = 0; times < 3; times += 1) await cache.get(key);
}

/** Resolves to the value of a key when it is what `accepts` wants. */
async function comes(cache, key, accepts, limit = 10_000) {
  /** @type {any} */
  let got;
  const is = async () => {
    got = await (cache.call ? cache.call('get', key) : cache.get(key));
    return accepts(got);
  };
  await until(`the new value of ${key}`, is, { every: 1, limit });
  return got;
}

module.exports = {
  LIMIT,
  fresh,
  comes,
  distrusted,
  isTrusted,
  kept,
  openTiered,
  openTieredPeer,
  tierOf,
  tiered,
  trusted,
};
