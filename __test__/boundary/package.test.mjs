// The package, the crate and the platform packages fit together.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { read, root } from './sources.mjs';

const manifest = JSON.parse(read('package.json'));
const platforms = readdirSync(path.join(root, 'npm')).sort();

/** `x86_64-unknown-linux-musl` as npm packages spell it: `linux-x64-musl`. */
function triple(target) {
  const [arch, , system, abi] = target.split('-');
  const cpu = { x86_64: 'x64', aarch64: 'arm64' }[arch];
  const os = { darwin: 'darwin', windows: 'win32', linux: 'linux' }[system];
  return [os, cpu, abi].filter((part) => part !== undefined).join('-');
}

test('every target of the build has a platform package, and the other way round', () => {
  assert.deepEqual(platforms, manifest.napi.targets.map(triple).sort());
});

for (const platform of platforms) {
  test(`the package of ${platform} is for that platform alone and holds one binary`, () => {
    const own = JSON.parse(read(`npm/${platform}/package.json`));
    const [os, cpu, abi] = platform.split('-');
    const binary = `${manifest.napi.binaryName}.${platform}.node`;
    assert.equal(own.name, `${manifest.name}-${platform}`);
    assert.equal(own.version, manifest.version);
    assert.equal(own.main, binary);
    assert.deepEqual(own.files, [binary]);
    assert.deepEqual([own.os, own.cpu], [[os], [cpu]]);
    assert.deepEqual(own.libc, os === 'linux' ? [abi === 'gnu' ? 'glibc' : 'musl'] : undefined);
    assert.deepEqual(own.engines, manifest.engines);
    assert.equal(own.repository.url, manifest.repository.url);
  });
}

test('the crate has the version of the package', () => {
  const [, version] = /^version = "([^"]+)"/m.exec(read('Cargo.toml'));
  assert.equal(version, manifest.version);
});

test('a clone needs no package that is not published yet', () => {
  assert.equal(manifest.optionalDependencies, undefined);
});

test('nothing runs when the package is installed', () => {
  for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) {
    assert.equal(manifest.scripts[hook], undefined, hook);
  }
});

test('package-lock.json names no download addresses', () => {
  assert.ok(!read('package-lock.json').includes('"resolved"'));
});

test('package-lock.json is that of package.json', () => {
  const own = JSON.parse(read('package-lock.json')).packages[''];
  assert.equal(own.version, manifest.version);
  assert.deepEqual(own.dependencies, manifest.dependencies);
  assert.deepEqual(own.devDependencies, manifest.devDependencies);
  assert.deepEqual(own.peerDependencies, manifest.peerDependencies);
});
