// The public contract says the same in every place that states it.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

import { errorCodes, filesBelow, read, sortedUnique, withoutComments } from './sources.mjs';

const require = createRequire(import.meta.url);

/** The names of the values (not the types) that a declaration file exports. */
function valueExports(file) {
  const text = withoutComments(read(file));
  const declared = [
    ...text.matchAll(/^export (?:declare )?(?:abstract )?(?:function|class|const|let|enum) (\w+)/gm),
  ];
  const lists = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list]) => list.split(','));
  const listed = lists
    .map((item) =>
      item
        .trim()
        .split(/\s+as\s+/)
        .at(-1),
    )
    .filter((name) => name !== '' && !name.startsWith('type '));
  return sortedUnique([...declared.map(([, name]) => name), ...listed]).filter((name) => name !== 'default');
}

/** What Node.js adds to the namespace of a CommonJS module, by its version. */
const synthetic = new Set(['default', 'module.exports', '__esModule']);

const typed = valueExports('index.d.ts');

test('the types name some values', () => {
  assert.ok(typed.includes('Cache') && typed.includes('cachePlugin') && typed.length > 10, typed.join(' '));
});

test('`require` gives the values that the types name, and no others', () => {
  const names = Object.keys(require('ferrocache')).filter((name) => !synthetic.has(name));
  assert.deepEqual(names.sort(), typed);
});

test('named ESM imports give the values that the types name, and no others', async () => {
  const names = Object.keys(await import('ferrocache')).filter((name) => !synthetic.has(name));
  assert.deepEqual(names.sort(), typed);
});

test('the default export is the plugin, for ESM and for CommonJS', async () => {
  const esm = await import('ferrocache');
  assert.equal(typeof esm.default, 'function');
  assert.equal(esm.default, esm.cachePlugin);
  assert.equal(require('ferrocache'), esm.cachePlugin);
  assert.equal(require('ferrocache').default, esm.cachePlugin);
});

test('the entry ferrocache/utils gives the values that its types name', async () => {
  const expected = valueExports('utils.d.ts');
  const names = Object.keys(await import('ferrocache/utils')).filter((name) => !synthetic.has(name));
  assert.deepEqual(names.sort(), expected);
  assert.deepEqual(Object.keys(require('ferrocache/utils')).sort(), expected);
});

test('the methods of the types exist, and no others are public', () => {
  const text = withoutComments(read('index.d.ts'));
  const body = (head) => text.slice(text.indexOf(head), text.indexOf('\n}', text.indexOf(head)));
  const members = (head) =>
    [...body(head).matchAll(/^ {2}(?:readonly )?(\w+)[(<:]/gm)].map(([, name]) => name);
  const { Cache } = require('ferrocache');
  const cache = new Cache();
  const expected = sortedUnique([
    ...members('export interface CacheOperations {'),
    ...members('export class Cache {'),
    'constructor',
  ]);
  for (const name of expected) assert.ok(name in cache, `a cache has ${name}`);
  const extra = [];
  for (let proto = Cache.prototype; proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    extra.push(
      ...Object.getOwnPropertyNames(proto).filter(
        (name) => !expected.includes(name) && !name.startsWith('_'),
      ),
    );
  }
  assert.deepEqual(extra, []);
  return cache.close();
});

test('the error codes are the same in the types, the JavaScript and the README', () => {
  const union = /export type CacheErrorCode =([^;]+);/.exec(read('index.d.ts'))[1];
  const codes = errorCodes(union);
  assert.ok(codes.length > 10);
  assert.deepEqual(errorCodes(withoutComments(read('lib/errors.js'))), codes, 'lib/errors.js');
  assert.deepEqual(errorCodes(read('README.md')), codes, 'README.md');
  const described = errorCodes(/([^]*)export type CacheErrorCode =/.exec(read('index.d.ts'))[1]);
  assert.deepEqual(
    codes.filter((code) => !described.includes(code)),
    [],
    'each is described',
  );
});

test('the error codes of the core are among those of the types', () => {
  const codes = errorCodes(read('index.d.ts'));
  const core = errorCodes(withoutComments(read('src/core/error.rs')));
  assert.ok(core.length > 0, 'the core has codes');
  assert.deepEqual(
    core.filter((code) => !codes.includes(code)),
    [],
  );
});

test('no file uses an error code that the types do not name', () => {
  const codes = errorCodes(read('index.d.ts'));
  for (const file of filesBelow(['src', 'lib'], /\.(?:rs|js)$/)) {
    const unknown = errorCodes(withoutComments(read(file))).filter((code) => !codes.includes(code));
    assert.deepEqual(unknown, [], file);
  }
});
