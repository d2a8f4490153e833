// Makes apps outside of the repository that install what is published, and runs code in them.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { pack } from '../../scripts/pack.mjs';
import { npm, readManifest, root, tool } from '../../scripts/project.mjs';

const fixtures = fileURLToPath(new URL('fixtures', import.meta.url));

const installedVersion = (name) => readManifest(path.join(root, 'node_modules', name)).version;

// Where this npm runs, what it runs and how Node.js tests report is nothing for the consumer's npm and
// Node.js; where packages come from is.
const OWN = /^(?:npm_(?!config_)|npm_config_local_prefix$|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/i;
const consumerEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !OWN.test(name)),
);

/** The Fastify versions that consumers are tested with: the one this repository uses, and an older one. */
export const FASTIFY_VERSIONS = [installedVersion('fastify'), '~5.7.0'];

/** An older TypeScript beside the one of this repository. */
export const OLDER_TYPESCRIPT = { 'typescript-5': 'npm:typescript@~5.9.0' };

/** This machine as the platform packages name it. */
export function hostTriple() {
  const { platform, arch } = process;
  if (platform === 'win32') return `win32-${arch}-msvc`;
  if (platform !== 'linux') return `${platform}-${arch}`;
  const { header } = process.report.getReport();
  return `linux-${arch}-${header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

/** The strictest TypeScript, for a file `app.ts`. */
export function strictTsconfig(module) {
  return {
    compilerOptions: {
      target: 'es2022',
      module,
      types: ['node'],
      outDir: 'out',
      rootDir: '.',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: false,
      esModuleInterop: true,
      skipLibCheck: false,
    },
    files: ['app.ts'],
  };
}

/** An app that has ferrocache from its tarballs, and `dependencies` from the registry. */
export class Project {
  constructor({ dependencies = {}, installArguments = [] } = {}) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'ferrocache-consumer-'));
    try {
      const [main, ...platforms] = pack(path.join(this.folder, 'tarballs'));
      const local = ({ tarball }) => `file:./tarballs/${path.basename(tarball)}`;
      this.write('package.json', {
        name: 'consumer',
        private: true,
        dependencies: { ...dependencies, [main.name]: local(main) },
        // npm itself chooses the platform's package, as it does for a user; only where it finds the
        // packages differs, because they are not published yet.
        overrides: Object.fromEntries(platforms.map((platform) => [platform.name, local(platform)])),
      });
      this.npm('install', '--no-audit', '--no-fund', '--prefer-offline', ...installArguments);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** With Fastify, and what a TypeScript app of it needs. */
  static withFastify(version, dependencies = {}) {
    return new Project({
      dependencies: { fastify: version, '@types/node': installedVersion('@types/node'), ...dependencies },
    });
  }

  path(...names) {
    return path.join(this.folder, ...names);
  }

  write(name, content) {
    const text = typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
    writeFileSync(this.path(name), text);
  }

  read(name) {
    return readFileSync(this.path(name), 'utf8');
  }

  copyFixture(name, to = name) {
    cpSync(path.join(fixtures, name), this.path(to), { recursive: true });
  }

  npm(...args) {
    return this.#run(npm(...args));
  }

  /** Runs a file with this Node.js and gives what it printed. */
  node(...args) {
    return this.#run([process.execPath, ...args]);
  }

  /** Compiles with the TypeScript of this repository, or with that of an installed package. */
  tsc(typescript, ...args) {
    const command =
      typescript === 'typescript'
        ? tool('typescript', ...args)
        : [process.execPath, this.path('node_modules', typescript, 'bin', 'tsc'), ...args];
    return this.#run([...command, '--pretty', 'false']);
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run([command, ...args]) {
    const result = spawnSync(command, args, {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: 110_000,
      env: consumerEnvironment,
    });
    if (result.status !== 0) {
      const how = result.error?.message ?? `exit code ${result.status ?? result.signal}`;
      throw new Error(`${args.join(' ')}: ${how}\n${result.stdout}${result.stderr}`);
    }
    return result.stdout;
  }
}
