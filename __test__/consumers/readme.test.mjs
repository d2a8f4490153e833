// What the README shows works. A fenced block that is opened with
//
//   ```js run      is run as it stands, in an app that has ferrocache and Fastify: as CommonJS if it
//                  calls `require`, else as ESM; it must end by itself
//   ```ts check    is compiled with strict TypeScript, as ESM
//
// and every other block marked `js` must at least parse.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { root } from '../../scripts/project.mjs';
import { FASTIFY_VERSIONS, Project } from './project.mjs';

const blocks = fencedBlocks(readFileSync(path.join(root, 'README.md'), 'utf8'));

describe('the README', () => {
  /** @type {Project} */
  let project;

  before(() => {
    project = Project.withFastify(FASTIFY_VERSIONS[0]);
  });
  after(() => project?.remove());

  test('shows code that can be run', () => {
    assert.ok(blocks.some(({ info }) => info === 'js run'));
  });

  for (const { info, line, text } of blocks) {
    const kind = /\brequire\(/.test(text) && !/^import\b/m.test(text) ? 'cjs' : 'mjs';
    if (info === 'js run') {
      test(`has a program at line ${line} that runs`, () => {
        project.write(`readme-${line}.${kind}`, text);
        project.node(`readme-${line}.${kind}`);
      });
    } else if (info === 'js') {
      test(`has code at line ${line} that parses`, () => {
        project.write(`readme-${line}.${kind}`, text);
        project.node('--check', `readme-${line}.${kind}`);
      });
    } else if (info === 'ts check') {
      test(`has TypeScript at line ${line} that compiles`, () => {
        project.write(`readme-${line}.mts`, text);
        const options = [
          '--strict',
          '--noEmit',
          '--module',
          'nodenext',
          '--target',
          'es2023',
          '--types',
          'node',
        ];
        project.tsc('typescript', ...options, `readme-${line}.mts`);
      });
    }
  }
});

/** The fenced blocks of a Markdown text: the words after the fence, the first line's number, the text. */
function fencedBlocks(markdown) {
  const found = [];
  let open = null;
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    const fence = /^(`{3,})(.*)$/.exec(line);
    if (open === null && fence) open = { fence: fence[1], info: fence[2].trim(), line: index + 2, lines: [] };
    else if (open !== null && line.trimEnd() === open.fence) {
      found.push({ info: open.info, line: open.line, text: `${open.lines.join('\n')}\n` });
      open = null;
    } else open?.lines.push(line);
  }
  return found;
}
