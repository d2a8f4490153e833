// Builds the native binding: the one home of the build's flags.
//
//   node scripts/build.mjs            an optimised build
//   node scripts/build.mjs --debug    an unoptimised build, with debug assertions
//
// Further arguments go to `napi build` as they are: `--target aarch64-unknown-linux-musl -x`.

import { missingPrerequisites } from './prerequisites.mjs';
import { tool } from './project.mjs';
import { run } from './run.mjs';

const missing = missingPrerequisites(['cargo', 'cc']);
if (missing.length > 0) {
  for (const line of missing) console.error(line);
  process.exit(1);
}

const given = process.argv.slice(2);
const debug = given.includes('--debug');
const passedOn = given.filter((argument) => argument !== '--debug');

process.exitCode = await run(
  tool(
    '@napi-rs/cli',
    'build',
    '--platform',
    // Without these two names the generated loader would overwrite index.js and index.d.ts.
    ...['--js', 'binding.js'],
    ...['--dts', 'binding.d.ts'],
    '--no-const-enum',
    ...(debug ? [] : ['--release']),
    ...passedOn,
    // On a build server a Cargo.lock that does not fit Cargo.toml is a mistake; here it is an edit.
    ...(process.env.CI && !passedOn.includes('--') ? ['--', '--locked'] : []),
  ),
);
