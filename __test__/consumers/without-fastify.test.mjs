// Fastify is an optional peer: a program without it uses the cache all the same.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
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

  test('has of ferrocache what its entries need, and nothing else', () => {
    const folder = 'node_modules/ferrocache';
    const { exports } = JSON.parse(project.read(`${folder}/package.json`));
    const entries = JSON.stringify(exports)
      .match(/(?<="\.\/)[^"]+(?=")/g)
      .filter((name) => name.includes('.'));
    const needed = new Set(['README.md', 'LICENSE', 'CHANGELOG.md']);
    const need = (name) => {
      if (needed.has(name)) return;
      needed.add(name);
      // The loader of the binding tries what no platform has all of.
      if (name === 'binding.js' || !name.endsWith('.js')) return;
      for (const [, wanted] of project.read(`${folder}/${name}`).matchAll(/\brequire\('(\.[^']+)'\)/g)) {
        need(path.posix.join(path.posix.dirname(name), wanted));
      }
    };
    for (const entry of entries) need(entry);
    const found = readdirSync(project.path(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        path.relative(project.path(folder), path.join(entry.parentPath ?? entry.path, entry.name)),
      )
      .map((name) => name.replaceAll(path.sep, '/'));
    assert.deepEqual(found.sort(), [...needed].sort());
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
