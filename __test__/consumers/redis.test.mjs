// A program without Fastify installs the tarballs and uses the Redis driver; it is compiled everywhere, and
// talks to a real server where there can be one.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';

import { OLDER_TYPESCRIPT, Project, strictTsconfig } from './project.mjs';

const { startServer } = createRequire(import.meta.url)('../redis/support/server.js');

const TYPESCRIPTS = ['typescript', ...Object.keys(OLDER_TYPESCRIPT)];
// There is no Redis for Windows.
const withServer = { skip: process.platform === 'win32' };

describe('a program on Redis', () => {
  /** @type {Project} */
  let project;
  let server;

  before(async () => {
    project = new Project({ dependencies: { '@types/node': '*', ...OLDER_TYPESCRIPT } });
    project.copyFixture('redis', '.');
    if (!withServer.skip) server = await startServer();
  });
  after(async () => {
    await server?.stop();
    project?.remove();
  });

  for (const [kind, file] of [
    ['CommonJS', 'app.cjs'],
    ['ESM', 'app.mjs'],
  ]) {
    test(`runs as ${kind}`, withServer, () => {
      assert.match(project.node(file, server.url), /scenario done/);
    });
  }

  for (const type of ['commonjs', 'module']) {
    for (const typescript of TYPESCRIPTS) {
      const folder = `${type}-${typescript}`;

      test(`compiles with strict ${typescript} ("type": "${type}")`, () => {
        project.copyFixture('redis', folder);
        project.write(`${folder}/package.json`, { private: true, type });
        project.write(`${folder}/tsconfig.json`, strictTsconfig('nodenext'));
        project.tsc(typescript, '--project', folder);
      });

      test(`runs as compiled by ${typescript} ("type": "${type}")`, withServer, () => {
        assert.match(project.node(`${folder}/out/app.js`, server.url), /scenario done/);
      });
    }
  }
});
