// The generated binding belongs to these sources: it loads, and its files name the same things.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { buildIsStale } from './fresh.mjs';
import { readManifest, root } from './project.mjs';

const read = (name) => readFileSync(path.join(root, name), 'utf8');
const names = (text, pattern) => [...text.matchAll(pattern)].map((match) => match[1]).sort();

assert.ok(!buildIsStale(), 'the binding is missing, or older than its sources: npm run build');

// `__napi…` is what the generator adds for itself.
const typed = names(
  read('binding.d.ts'),
  /^export (?:declare )?(?:function|class|const|enum) (?!__napi)(\w+)/gm,
);
const loaded = names(read('binding.js'), /^module\.exports\.(\w+) = nativeBinding\./gm);
assert.ok(loaded.length > 0, 'binding.js exports nothing');
assert.deepEqual(loaded, typed, 'binding.js and binding.d.ts name different things');

const { version } = readManifest();
assert.ok(
  read('binding.js').includes(`'${version}'`),
  `binding.js was generated for another version than ${version}`,
);

assert.ok(!read('index.js').includes('nativeBinding'), 'index.js was overwritten by the generated loader');
createRequire(import.meta.url)(path.join(root, 'index.js'));

console.log(`the binding exports ${loaded.length} names`);
