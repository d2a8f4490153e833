'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..', '..');

/**
 * Runs a program in a real process in the repository's root and resolves to how it ended.
 *
 * A process that has not ended after `limit` milliseconds is killed and reported as `hung`: it is
 * far above what any of the programs takes, so it tells hanging from slow.
 *
 * @param {string} source
 * @param {{ esm?: boolean, limit?: number, flags?: string[] }} [options]
 */
function run(source, { esm = false, limit = 30_000, flags = [] } = {}) {
  const kind = esm ? ['--input-type=module'] : ['--input-type=commonjs'];
  return start([...flags, ...kind, '-e', source], limit);
}

/** Runs a script file with arguments, as {@link run}. */
function runFile(file, { args = [], limit = 120_000, flags = [] } = {}) {
  return start([...flags, file, ...args], limit);
}

function start(args, limit) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output.stderr += text;
    });
    let hung = false;
    const watchdog = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, limit);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      resolve({ code, signal, hung, ...output });
    });
  });
}

module.exports = { root, run, runFile };
