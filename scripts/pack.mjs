// Makes the tarballs that are published: the main package and one per platform.
//
//   node scripts/pack.mjs dist           with the binaries that the project's folder holds
//   node scripts/pack.mjs dist --all     the same, and a missing binary of any platform is an error
//
// Everything is put together in a staging copy, so that the work tree's package.json never names
// packages that are not published yet: with those, `npm ci` could not install a clone.

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { npm, readManifest, root } from './project.mjs';

/**
 * Packs everything into `destination`. A platform package whose binary is not here is packed without
 * it if `all` is false: npm passes it over on this machine, as it does with every other platform's.
 *
 * @returns the packages, the main one first, each with `name`, `tarball` and `complete`
 */
export function pack(destination, { all = false } = {}) {
  const staging = mkdtempSync(path.join(tmpdir(), 'ferrocache-pack-'));
  try {
    const platforms = stagePlatforms(staging);
    const missing = platforms.filter(({ complete }) => !complete).map(({ name }) => name);
    if (all && missing.length > 0) throw new Error(`without a binary: ${missing.join(', ')}`);
    if (missing.length === platforms.length) throw new Error('there is no binary to pack: npm run build');

    const packages = [stageMain(staging, platforms), ...platforms];
    mkdirSync(destination, { recursive: true });
    const [command, ...args] = npm(
      'pack',
      '--ignore-scripts',
      '--pack-destination',
      path.resolve(destination),
    );
    const result = spawnSync(command, [...args, ...packages.map(({ folder }) => folder)], {
      cwd: staging,
      encoding: 'utf8',
    });
    if (result.status !== 0) throw new Error(`npm pack failed: ${result.error ?? result.stderr}`);
    return packages.map(({ name, version, complete }) => ({
      name,
      tarball: path.resolve(destination, `${name}-${version}.tgz`),
      complete,
    }));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function stageMain(staging, platforms) {
  const folder = path.join(staging, 'main');
  // What only a clone needs stays out.
  const { scripts, devDependencies, overrides, napi, ...manifest } = readManifest();
  manifest.optionalDependencies = Object.fromEntries(platforms.map(({ name, version }) => [name, version]));

  mkdirSync(folder);
  for (const name of [...manifest.files, 'README.md', 'LICENSE']) {
    const source = path.join(root, name);
    if (!existsSync(source)) throw new Error(`${name} is missing`);
    cpSync(source, path.join(folder, name), { recursive: true });
  }
  writeManifest(folder, manifest);
  return { name: manifest.name, version: manifest.version, folder, complete: true };
}

function stagePlatforms(staging) {
  const { version } = readManifest();
  return readdirSync(path.join(root, 'npm')).map((triple) => {
    const source = path.join(root, 'npm', triple);
    const folder = path.join(staging, triple);
    cpSync(source, folder, { recursive: true });
    const manifest = { ...readManifest(source), version };
    writeManifest(folder, manifest);
    copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
    const binary = path.join(root, manifest.main);
    const complete = existsSync(binary);
    if (complete) copyFileSync(binary, path.join(folder, manifest.main));
    return { name: manifest.name, version, folder, complete };
  });
}

function writeManifest(folder, manifest) {
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const all = process.argv.includes('--all');
  const [destination] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  if (destination === undefined) {
    console.error('usage: node scripts/pack.mjs <folder> [--all]');
    process.exit(1);
  }
  for (const { tarball, complete } of pack(destination, { all })) {
    console.log(complete ? tarball : `${tarball} (without its binary: not for publishing)`);
  }
}
