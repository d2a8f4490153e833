// Fastify is an optional peer: a program without it uses the cache all the same.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { Project } from './project.mjs';

const PROGRAM = `
import { Cache } from 'ferrocache';

const cache = new Cache();
const value: number = await cache.remember('k', '1h', () => 1);
console.log('value', value);
await cache.close();
`;

describe('a program without Fastify', () => {
  /** @type {Project} */
  let project;

  before(() => {
    project = new Project({ dependencies: { '@types/node': '*' } });
  });
  after(() => project?.remove());

  test('has no Fastify', () => {
    assert.ok(!existsSync(project.path('node_modules', 'fastify')));
  });

  test('compiles with strict TypeScript, the libraries checked, and runs', () => {
    project.write('program.mts', PROGRAM);
    project.write('tsconfig.json', {
      compilerOptions: {
        target: 'es2022',
        module: 'nodenext',
        types: ['node'],
        outDir: 'out',
        rootDir: '.',
        strict: true,
        skipLibCheck: false,
      },
      files: ['program.mts'],
    });
    project.tsc('typescript', '--project', '.');
    assert.match(project.node('out/program.mjs'), /value 1/);
  });
});
