// Links within the repository lead somewhere.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { read, root } from './sources.mjs';

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(path.join(root, 'docs'), { recursive: true })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
];

/** Without code, where a bracket before a parenthesis is no link. */
const prose = (text) => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
const linksOf = (page) => [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);

/** A heading's anchor, as GitHub makes it. */
const anchorsOf = (page) =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

for (const page of pages) {
  test(`the links of ${page} lead to files and headings that are there`, () => {
    for (const link of linksOf(page)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      assert.ok(existsSync(path.join(root, target)), `${page}: ${link}`);
      if (anchor === undefined || statSync(path.join(root, target)).isDirectory()) continue;
      assert.ok(anchorsOf(target).includes(anchor), `${page}: ${link} names no heading`);
    }
  });
}
