'use strict';

// Required by test files for its effect: a test that waits for what never comes fails by its own
// timeout. Without this the event loop runs empty first, and every test after it is cancelled too.
// A file has three minutes; what still waits then is cancelled.

const { after, before } = require('node:test');

let alive;

before(() => {
  alive = setTimeout(() => {}, 180_000);
});

after(() => {
  clearTimeout(alive);
});
