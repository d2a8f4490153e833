// The redis-server that the tests start: finds it, or installs it where that can be done without asking.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

import { run } from './run.mjs';

const MINUTE = 60_000;
// Debian's packages ask this program before they start a service.
const POLICY = '/usr/sbin/policy-rc.d';
const OWN_POLICY = '#!/bin/sh\n# ferrocache: installs redis-server without starting it\nexit 101\n';
const FORBIDDEN = 101;

const HINT =
  'redis-server was not found: install it (Debian, Ubuntu: apt install redis-server; Alpine: apk add redis; ' +
  'macOS: brew install redis) or name it in REDIS_SERVER';

/** Resolves to 0 when there is a redis-server. */
export async function redis() {
  if (found()) return 0;
  if (process.env.REDIS_SERVER) {
    console.error(`REDIS_SERVER is ${process.env.REDIS_SERVER}, which does not start`);
    return 1;
  }
  if (process.getuid?.() === 0 && starts('apt-get')) {
    console.log('installing redis-server');
    await installPackage();
    if (found()) return 0;
  }
  console.error(HINT);
  return 1;
}

function found() {
  const command = process.env.REDIS_SERVER || 'redis-server';
  const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  if (status !== 0) return false;
  console.log(`${command}: ${stdout.trim()}`);
  return true;
}

/** The package comes with a service; it is neither started now nor when the machine starts. */
async function installPackage() {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const aptGet = (...args) =>
    run(['apt-get', '-q', '-o', 'DPkg::Lock::Timeout=120', ...args], { env, timeoutMs: 10 * MINUTE });
  // The lists that are there may do.
  await aptGet('update');
  await withoutServices(() => aptGet('install', '-y', '--no-install-recommends', 'redis-server'));
  if (starts('update-rc.d')) spawnSync('update-rc.d', ['redis-server', 'disable'], { stdio: 'ignore' });
}

async function withoutServices(work) {
  if (spawnSync(POLICY, ['redis-server', 'start']).status === FORBIDDEN) return work();
  const aside = `${POLICY}.ferrocache`;
  const before = existsSync(POLICY);
  if (before) renameSync(POLICY, aside);
  try {
    writeFileSync(POLICY, OWN_POLICY);
    chmodSync(POLICY, 0o755);
    return await work();
  } finally {
    // Another program may have put its own there meanwhile.
    if (readFileSync(POLICY, 'utf8') === OWN_POLICY) rmSync(POLICY);
    if (before) renameSync(aside, POLICY);
  }
}

function starts(command) {
  return spawnSync(command, ['--help'], { stdio: 'ignore' }).error === undefined;
}
