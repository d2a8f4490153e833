// What must be on the machine before anything here can work, each with the line that says how to get it.

import { spawnSync } from 'node:child_process';

import { readManifest } from './project.mjs';

const PREREQUISITES = {
  node: () => {
    const [, major, minor] = /(\d+)\.(\d+)/.exec(readManifest().engines.node).map(Number);
    const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
    if (ownMajor > major || (ownMajor === major && ownMinor >= minor)) return null;
    return `Node.js ${major}.${minor} or newer is needed (this is ${process.versions.node}): https://nodejs.org`;
  },
  cargo: () =>
    starts('cargo', '--version') ? null : 'cargo was not found: install Rust from https://rustup.rs',
  // rustc finds Microsoft's linker by itself, and names what to install where it is missing.
  cc: () =>
    process.platform === 'win32' || starts('cc', '--version')
      ? null
      : 'no C compiler (cc) was found: install one (Debian, Ubuntu: apt install build-essential; Alpine: apk add build-base; macOS: xcode-select --install)',
  rustfmt: () =>
    starts('cargo', 'fmt', '--version') ? null : 'rustfmt was not found: rustup component add rustfmt',
  clippy: () =>
    starts('cargo', 'clippy', '--version') ? null : 'clippy was not found: rustup component add clippy',
};

/** One line for each of `names` that is missing. */
export function missingPrerequisites(names) {
  const wanted = new Set(['node', ...names]);
  // Without cargo its subcommands are missing too; one line is enough.
  if (wanted.has('cargo') && PREREQUISITES.cargo() !== null) {
    wanted.delete('rustfmt');
    wanted.delete('clippy');
  }
  return [...wanted].map((name) => PREREQUISITES[name]()).filter((line) => line !== null);
}

function starts(command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
