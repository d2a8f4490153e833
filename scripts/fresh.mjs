// Whether what is installed and built still fits the sources, by the files' times.

import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

import { readManifest, root } from './project.mjs';

const SOURCES = ['src', 'Cargo.toml', 'Cargo.lock', 'build.rs', '.cargo', 'package.json'];

export function installIsStale() {
  // npm writes this file at the end of each install, whatever was already there.
  const installed = path.join(root, 'node_modules', '.package-lock.json');
  return !existsSync(installed) || modified(installed) < modified(path.join(root, 'package-lock.json'));
}

export function buildIsStale() {
  const outputs = bindingFiles();
  if (outputs === null) return true;
  return Math.min(...outputs.map(modified)) < newest(SOURCES.map((name) => path.join(root, name)));
}

/** The files that a build leaves, or `null` if one is missing. */
export function bindingFiles() {
  const { binaryName } = readManifest().napi;
  const natives = readdirSync(root).filter(
    (name) => name.startsWith(`${binaryName}.`) && name.endsWith('.node'),
  );
  const files = ['binding.js', 'binding.d.ts', ...natives].map((name) => path.join(root, name));
  return natives.length > 0 && files.every((file) => existsSync(file)) ? files : null;
}

function modified(file) {
  return statSync(file).mtimeMs;
}

function newest(paths) {
  let latest = 0;
  for (const entry of paths) {
    if (!existsSync(entry)) continue;
    const own = statSync(entry).isDirectory()
      ? newest(readdirSync(entry).map((name) => path.join(entry, name)))
      : modified(entry);
    latest = Math.max(latest, own);
  }
  return latest;
}
