'use strict';

const fc = require('fast-check');

/**
 * Runs a property. The seed and the path of a failure are in its message; FC_SEED and FC_PATH in the
 * environment run that case again.
 */
function fuzz(property, parameters) {
  const { FC_SEED: seed, FC_PATH: path } = process.env;
  return fc.assert(property, {
    ...parameters,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path }),
  });
}

module.exports = { fuzz };
