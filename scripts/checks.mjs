// Every check of the project, in the order in which `npm test` runs them.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { build, install } from './prepare.mjs';
import { root, tool } from './project.mjs';
import { redis } from './redis.mjs';
import { run } from './run.mjs';

const MINUTE = 60_000;

// There is no Redis for Windows, and what the tests do to their servers (a shell that ends them with the
// test, signals that stop and continue them) is not to be had there. So the tests in these places are not
// selected on Windows; everything else is, with the driver's options, types and failing open among it.
const SERVERS = process.platform !== 'win32';
const REDIS_TESTS = '__test__/redis';
const REDIS_TARGET = 'redis';

/**
 * A check passes if `run` resolves to 0. `needs` names checks without which it cannot be had,
 * `prerequisites` what must be on the machine, `groups` what `--only` can also select it by.
 */
export const checks = [
  {
    name: 'install',
    groups: ['setup'],
    run: install,
  },
  {
    name: 'build',
    groups: ['setup'],
    needs: ['install'],
    prerequisites: ['cargo', 'cc'],
    // Always: cargo knows best whether something changed, and a debug build must not be measured.
    run: build,
  },
  {
    name: 'redis-server',
    groups: ['setup'],
    run: withServers(redis),
  },
  {
    name: 'cargo-fmt',
    groups: ['rust', 'lint'],
    prerequisites: ['cargo', 'rustfmt'],
    run: () => command(['cargo', 'fmt', '--check'], 2),
  },
  {
    name: 'cargo-clippy',
    groups: ['rust', 'lint'],
    prerequisites: ['cargo', 'cc', 'clippy'],
    run: () => command(['cargo', 'clippy', '--all-targets', '--locked', '--', '-D', 'warnings'], 10),
  },
  {
    name: 'cargo-test',
    groups: ['rust'],
    needs: ['redis-server'],
    prerequisites: ['cargo', 'cc'],
    run: () => command(['cargo', 'test', '--locked', ...cargoTargets()], 15),
  },
  {
    name: 'binding',
    groups: ['js'],
    needs: ['build'],
    run: () => command([process.execPath, 'scripts/check-binding.mjs']),
  },
  {
    name: 'prettier',
    groups: ['js', 'lint'],
    needs: ['install'],
    run: () => command(tool('prettier', '--check', '--log-level', 'warn', '.')),
  },
  {
    name: 'eslint',
    groups: ['js', 'lint'],
    needs: ['install'],
    run: () => command(tool('eslint', '--max-warnings', '0', '.')),
  },
  {
    name: 'tsc',
    groups: ['js', 'lint'],
    // lib/native.js names types of the generated binding.d.ts.
    needs: ['build'],
    run: () => command(tool('typescript', '--project', 'tsconfig.json')),
  },
  {
    name: 'types',
    groups: ['js'],
    needs: ['install'],
    run: () => command(tool('typescript', '--project', '__test__/types/tsconfig.json')),
  },
  {
    name: 'boundary',
    groups: ['js'],
    needs: ['build'],
    run: () => nodeTest(testFiles('__test__/boundary')),
  },
  {
    name: 'api',
    groups: ['test'],
    needs: ['build'],
    run: () =>
      nodeTest(testFiles('__test__', ['boundary', 'consumers', 'couchdb', 'redis', 'tiered', 'types']), 10),
  },
  {
    name: 'couchdb',
    groups: ['test'],
    needs: ['build'],
    // On a server of the tests' own, and on that of COUCHDB_URL where it names one.
    run: withServers(() => nodeTest(testFiles('__test__/couchdb'), 15)),
  },
  {
    name: 'redis',
    groups: ['test'],
    needs: ['build', 'redis-server'],
    run: withServers(() => nodeTest(testFiles(REDIS_TESTS), 20)),
  },
  {
    name: 'tiered',
    groups: ['test'],
    needs: ['build', 'redis-server'],
    run: withServers(() => nodeTest(testFiles('__test__/tiered'), 15)),
  },
  {
    name: 'consumers',
    groups: ['test'],
    needs: ['build', 'redis-server'],
    run: () => nodeTest(testFiles('__test__/consumers'), 8),
  },
  {
    name: 'benchmark',
    groups: ['test'],
    // Without a server it would pass with its section on Redis left out.
    needs: ['build', 'redis-server'],
    run: () => script('benchmark/run.mjs', '--smoke'),
  },
];

function command(commandLine, minutes = 5) {
  return run(commandLine, { timeoutMs: minutes * MINUTE });
}

/** Passes by saying so where there can be no server. */
function withServers(work) {
  if (SERVERS) return work;
  return async () => {
    console.log('not run on Windows: what the tests do to their servers is not to be had there');
    return 0;
  };
}

/** What `cargo test` is told to run: nothing means all. */
function cargoTargets() {
  if (SERVERS) return [];
  const targets = readdirSync(path.join(root, 'tests'))
    .filter((name) => name.endsWith('.rs'))
    .map((name) => path.basename(name, '.rs'))
    .filter((target) => target !== REDIS_TARGET);
  return ['--lib', ...targets.flatMap((target) => ['--test', target])];
}

function script(file, ...args) {
  if (!existsSync(path.join(root, file))) throw new Error(`${file} does not exist`);
  return command([process.execPath, file, ...args]);
}

function nodeTest(files, minutes) {
  if (files.length === 0) throw new Error('there is no test file');
  // The files are named one by one because Node.js 20 takes no patterns. A test that takes over two
  // minutes hangs: its name is worth more than that of the check.
  const flags = ['--test', '--test-reporter=spec', `--test-timeout=${2 * MINUTE}`];
  return command([process.execPath, ...flags, ...files], minutes);
}

/** The `*.test.{js,mjs,cjs}` files below a folder, sorted, without those below the `except`ed ones. */
function testFiles(folder, except = []) {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const child = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return except.includes(entry.name) ? [] : testFiles(child);
      return /\.test\.[cm]?js$/.test(entry.name) ? [child] : [];
    });
}
