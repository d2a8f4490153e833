// Reads the project's sources for the boundary checks.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const read = (name) => readFileSync(path.join(root, name), 'utf8');

/** The files below some folders whose names end as asked, with `/` on every system. */
export function filesBelow(folders, ending) {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const child = `${folder}/${entry.name}`;
      if (entry.name === 'node_modules') return [];
      if (entry.isDirectory()) return filesBelow([child], ending);
      return ending.test(entry.name) ? [child] : [];
    }),
  );
}

/** Those of `folders` that exist: a check of what may be there must not fail because it is not. */
export const present = (folders) => folders.filter((folder) => existsSync(path.join(root, folder)));

/** The text without what follows `//`: prose may name what code must not. */
export function withoutLineComments(text) {
  return text.replaceAll(/(^|[^:])\/\/.*$/gm, '$1');
}

/** Without line comments and JSDoc blocks. */
export function withoutComments(text) {
  return withoutLineComments(text.replaceAll(/\/\*[\s\S]*?\*\//g, ''));
}

export const sortedUnique = (values) => [...new Set(values)].sort();

export const errorCodes = (text) => sortedUnique(text.match(/\bCACHE_[A-Z_]+\b/g) ?? []);
