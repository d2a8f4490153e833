// Brings a clone to the point where the library loads: installed and built.

import { buildIsStale, installIsStale } from './fresh.mjs';
import { npm } from './project.mjs';
import { run } from './run.mjs';

export const build = () => run([process.execPath, 'scripts/build.mjs']);

/** Installs what package-lock.json names, unless that was done since it last changed. */
export async function install() {
  if (!installIsStale()) {
    console.log('the installed dependencies are those of package-lock.json');
    return 0;
  }
  console.log('installing the dependencies');
  return run(npm('ci'));
}

/** Installs and builds where that is needed; resolves to the first exit code that is not 0. */
export async function prepare() {
  const code = await install();
  if (code !== 0 || !buildIsStale()) return code;
  console.log('building the native binding (a first build takes some minutes)');
  return build();
}
