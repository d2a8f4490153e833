// Where npm installed no binary, the app learns which package it lacks, by an error that it can catch.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Project, hostTriple } from './project.mjs';

const REPORT = `
  const { code, message } = error;
  console.log(JSON.stringify({ code, message, isError: error instanceof Error }));
`;

describe('an app on a platform without a binary', () => {
  /** @type {Project} */
  let project;

  before(() => {
    project = new Project({ installArguments: ['--omit=optional'] });
    project.write('app.cjs', `try { require('ferrocache'); } catch (error) { ${REPORT} }`);
    project.write('app.mjs', `try { await import('ferrocache'); } catch (error) { ${REPORT} }`);
  });
  after(() => project?.remove());

  for (const [form, file] of [
    ['require', 'app.cjs'],
    ['import', 'app.mjs'],
  ]) {
    test(`gets an error from \`${form}\` that names the platform and the package`, () => {
      const { code, message, isError } = JSON.parse(project.node(file));
      assert.equal(code, 'CACHE_NATIVE');
      assert.ok(isError);
      assert.ok(message.includes(`${process.platform}-${process.arch}`), message);
      assert.ok(message.includes(`ferrocache-${hostTriple()}`), message);
    });
  }

  test('gets the same error again: the first failure leaves nothing half loaded', () => {
    project.write('twice.cjs', `for (let i = 0; i < 2; i += 1) ${project.read('app.cjs')}`);
    const [first, second] = project.node('twice.cjs').trim().split('\n');
    assert.equal(first, second);
    assert.equal(JSON.parse(first).code, 'CACHE_NATIVE');
  });
});
