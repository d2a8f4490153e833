/** What `npm install` of one package brings into an empty folder. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Project } from '../../__test__/consumers/project.mjs';
import { npm } from '../../scripts/project.mjs';

const LIMIT_MS = 60_000;

/** This repository's package, from the tarballs that would be published: `{ bytes, packages }`. */
export function installedOwn() {
  const project = new Project();
  try {
    return sizeOf(project.path('node_modules'));
  } finally {
    project.remove();
  }
}

/** The same of a published package; or `{ failed }`, why npm could not install it. */
export function installed(name, version) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ferrocache-size-'));
  try {
    const manifest = { name: 'size', private: true, dependencies: { [name]: version } };
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
    const [command, ...args] = npm(
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--ignore-scripts',
    );
    const { status } = spawnSync(command, args, { cwd: folder, stdio: 'ignore', timeout: LIMIT_MS });
    if (status !== 0) return { failed: true };
    return sizeOf(path.join(folder, 'node_modules'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sizeOf(folder) {
  let bytes = 0;
  let packages = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile()) bytes += statSync(file).size;
    // A package lies in node_modules itself or below a scope; a manifest elsewhere is a part of one.
    if (
      entry.name === 'package.json' &&
      /node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+[\\/]package\.json$/.test(file)
    ) {
      packages += 1;
    }
  }
  return { bytes, packages };
}
