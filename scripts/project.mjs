// Where the project's things are, and how its tools are started. Every other script asks here.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const require = createRequire(import.meta.url);

export function readManifest(directory = root) {
  return JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
}

/**
 * The command line of an installed tool. The tool's own JavaScript file is started with this Node.js,
 * because the wrappers in `node_modules/.bin` are shell scripts that Windows cannot spawn.
 */
export function tool(packageName, ...args) {
  const manifestPath = path.join(root, 'node_modules', packageName, 'package.json');
  const { bin } = require(manifestPath);
  const relative = typeof bin === 'string' ? bin : (bin[packageName] ?? Object.values(bin)[0]);
  return [process.execPath, path.join(path.dirname(manifestPath), relative), ...args];
}

/** The command line of the npm that runs this script, else of the one on the PATH. */
export function npm(...args) {
  const own = process.env.npm_execpath;
  if (own && /npm-cli\.[cm]?js$/.test(own)) return [process.execPath, own, ...args];
  return process.platform === 'win32' ? ['cmd.exe', '/d', '/s', '/c', 'npm', ...args] : ['npm', ...args];
}
