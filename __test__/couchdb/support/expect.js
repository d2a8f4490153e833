'use strict';

const assert = require('node:assert/strict');

/** An error of CouchDB. Real ones add to some a number that stands for where in its code it happened. */
function refused(answer, status, error, reason) {
  const { ref: _ref, ...body } = answer.body;
  assert.deepEqual({ status: answer.status, ...body }, { status, error, reason });
}

function answered(answer, status, body) {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(answer.body, body);
}

const conflicted = (answer) => refused(answer, 409, 'conflict', 'Document update conflict.');

const conflictRow = (id) => ({ id, error: 'conflict', reason: 'Document update conflict.' });

const REV = /^(\d+)-[0-9a-f]{32}$/;

/** The number of a revision, which must be one. */
function generationOf(rev) {
  assert.match(rev, REV);
  return Number.parseInt(rev, 10);
}

module.exports = { answered, conflicted, conflictRow, generationOf, refused };
