'use strict';

// Random sequences of commands on the cache and on a plain model, which must agree at every step.
// A failure prints its seed, its path and the shortest sequence that shows it; FC_SEED and FC_PATH
// run it again.

const { test } = require('node:test');
const fc = require('fast-check');
const { Cache } = require('../../index.js');
const { fuzz } = require('../support/fuzz.js');
const { storeName } = require('../support/threads.js');
const { commands } = require('./commands.js');
const { Reference } = require('./reference.js');
require('../support/alive.js');

const stores = {
  'a private store': () => ({}),
  'a named store with a prefix': () => ({ name: storeName('model'), prefix: 'model:' }),
  'a private store with the tinylfu policy': () => ({ config: { policy: 'tinylfu' } }),
  'a private store with frozen values': () => ({ config: { isolation: 'frozen' } }),
};

for (const [store, options] of Object.entries(stores)) {
  test(`${store} does what the model does, whatever is asked of it`, { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(
      fc.commands(commands, { maxCommands: 60, size: 'max' }),
      async (sequence) => {
        const cache = new Cache({ clock: 'manual', hardTimeout: Infinity, ...options() });
        const real = { cache, calls: [], locks: [], tokens: new Map() };
        try {
          await fc.asyncModelRun(() => ({ model: new Reference(), real }), sequence);
        } finally {
          await cache.close();
        }
      },
    );
    await fuzz(property, { numRuns: 300 });
  });
}
