// Apps with each kind of module and each Fastify version install the tarballs and run.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { FASTIFY_VERSIONS, OLDER_TYPESCRIPT, Project, hostTriple, strictTsconfig } from './project.mjs';

const TYPESCRIPTS = ['typescript', ...Object.keys(OLDER_TYPESCRIPT)];

for (const version of FASTIFY_VERSIONS) {
  describe(`an app with Fastify ${version}`, () => {
    /** @type {Project} */
    let project;

    before(() => {
      project = Project.withFastify(version, OLDER_TYPESCRIPT);
      for (const name of ['scenario.cjs', 'app.cjs', 'app.mjs']) project.copyFixture(name);
    });
    after(() => project?.remove());

    test("has the binding of this platform and no other, and nothing of the repository's own", () => {
      const modules = readdirSync(project.path('node_modules'));
      assert.deepEqual(
        modules.filter((name) => name.startsWith('ferrocache')),
        ['ferrocache', `ferrocache-${hostTriple()}`],
      );
      const files = readdirSync(project.path('node_modules', 'ferrocache'));
      const { exports } = JSON.parse(project.read('node_modules/ferrocache/package.json'));
      for (const target of JSON.stringify(exports).match(/\.\/[^"]+\.(?:[cm]?[jt]s|json)(?=")/g)) {
        assert.ok(existsSync(project.path('node_modules', 'ferrocache', target)), target);
      }
      for (const name of ['README.md', 'LICENSE', 'CHANGELOG.md', 'lib']) {
        assert.ok(files.includes(name), name);
      }
      const own = files.filter(
        (name) => name.endsWith('.node') || ['src', '__test__', 'target'].includes(name),
      );
      assert.deepEqual(own, []);
    });

    test('runs as CommonJS', () => {
      assert.match(project.node('app.cjs'), /scenario done/);
    });

    test('runs as ESM', () => {
      assert.match(project.node('app.mjs'), /scenario done/);
    });

    for (const type of ['commonjs', 'module']) {
      for (const module of ['node16', 'nodenext']) {
        for (const typescript of TYPESCRIPTS) {
          test(`compiles with strict ${typescript} (${module}, "type": "${type}") and runs`, () => {
            const folder = `${type}-${module}-${typescript}`;
            project.copyFixture('typescript', folder);
            project.write(`${folder}/package.json`, { private: true, type });
            project.write(`${folder}/tsconfig.json`, strictTsconfig(module));
            project.tsc(typescript, '--project', folder);
            assert.match(project.node(`${folder}/out/app.js`), /scenario done/);
          });
        }
      }
    }
  });
}
