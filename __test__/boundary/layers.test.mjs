// Each layer knows only what is below it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { filesBelow, present, read, withoutComments, withoutLineComments } from './sources.mjs';

const shipped = ['index.js', 'utils.js', ...filesBelow(['lib'], /\.js$/)];

test('the core knows nothing of JavaScript', () => {
  const core = filesBelow(['src/core'], /\.rs$/);
  assert.ok(core.length > 0, 'there is a core');
  const offenders = core.filter((file) =>
    /\bnapi(?:_\w+)?\b|\bcrate::binding\b/.test(withoutLineComments(read(file))),
  );
  assert.deepEqual(offenders, []);
});

test('the core forbids unsafe code', () => {
  const declared = /#!\[forbid\([^)]*\bunsafe_code\b[^)]*\)\]/.test(read('src/core/mod.rs'));
  assert.ok(declared, 'src/core/mod.rs has #![forbid(unsafe_code)]');
  const offenders = filesBelow(['src/core'], /\.rs$/).filter((file) =>
    /\bunsafe\b(?!_)/.test(withoutLineComments(read(file))),
  );
  assert.deepEqual(offenders, []);
});

test('all unsafe code is in the binding, and each block says why it is sound', () => {
  const sources = filesBelow(['src'], /\.rs$/);
  const withUnsafe = sources.filter((file) =>
    /\bunsafe\s*(?:\{|impl\b|fn\b|extern\b)/.test(withoutLineComments(read(file))),
  );
  for (const file of withUnsafe) {
    assert.ok(file.startsWith('src/binding/'), `${file} has unsafe code`);
    assert.match(read(file), /\/\/ SAFETY:/, `${file} has unsafe code without a reason`);
  }
});

test('only lib/native.js loads the native binding', () => {
  const loads =
    /(?:require|import)\s*\(\s*['"`][^'"`]*(?:binding(?:\.js)?|\.node)['"`]|\bfrom\s+['"][^'"]*binding(?:\.js)?['"]|\bprocess\.dlopen\b/;
  const others = filesBelow(present(['examples', 'benchmark', '__test__']), /\.[cm]?js$/);
  const loading = [...shipped, ...others].filter((file) => loads.test(withoutComments(read(file))));
  assert.deepEqual(loading, ['lib/native.js']);
});

test('what ships requires only what the package depends on', () => {
  const { dependencies, peerDependencies } = JSON.parse(read('package.json'));
  const declared = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
  for (const file of shipped) {
    for (const [, name] of withoutComments(read(file)).matchAll(
      /\b(?:require|import)\(\s*'([^'.][^']*)'\s*\)/g,
    )) {
      const packageName = name.split('/', name.startsWith('@') ? 2 : 1).join('/');
      assert.ok(name.startsWith('node:') || declared.has(packageName), `${file} loads ${name}`);
    }
  }
});

test('no source file is too long to be read in one go', () => {
  const long = filesBelow(['src', 'lib'], /\.(?:rs|js)$/)
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});
