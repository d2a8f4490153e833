'use strict';

// Processes that end with the one that started them, however that one ends.

const { spawn } = require('node:child_process');
const { closeSync, mkdtempSync, openSync, rmSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const live = new Set();
const directories = new Set();

// A subshell stays beside the process and reads a pipe that this one holds. A line says that the process
// has ended; the end of the pipe says that we have, even by SIGKILL. `exec` lets the process keep the
// shell's pid, so that the pid that is known here is the process's own.
const WATCHED = `
  dir=$1; shift
  (read -r line <&3 || { kill -9 $$; rm -rf "$dir"; }) >/dev/null 2>&1 &
  exec "$@" 3<&-
`;

process.on('exit', () => {
  for (const child of live) signal(child.pid, 'SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** An empty folder that is gone when this process is. */
function temporaryDirectory() {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ferrocache-'));
  directories.add(directory);
  return directory;
}

function removeDirectory(directory) {
  rmSync(directory, { recursive: true, force: true });
  directories.delete(directory);
}

/**
 * Starts a command whose output goes to the file `log`. It does not keep this process alive.
 *
 * @param {string[]} commandLine
 * @param {{ directory: string, log: string }} options `directory` is removed if this process is killed
 */
async function launch(commandLine, { directory, log }) {
  const output = openSync(log, 'w');
  const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', directory, ...commandLine], {
    stdio: ['ignore', output, output, 'pipe'],
  });
  closeSync(output);
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pipe = /** @type {import('node:net').Socket} */ (child.stdio[3]);
  // The subshell may be gone before it is told.
  pipe.on('error', () => {});
  live.add(child);
  const started = { pid: child.pid, running: true, ended: undefined, signal: undefined };
  started.ended = new Promise((resolve) => {
    child.once('exit', () => {
      started.running = false;
      live.delete(child);
      pipe.end('\n');
      resolve();
    });
  });
  // A handle that waits for the end would keep a finished test waiting: `kill` holds the process itself.
  started.signal = (name) => {
    if (!started.running) return;
    if (name === 'SIGKILL') child.ref();
    signal(child.pid, name);
  };
  child.unref();
  pipe.unref();
  return started;
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

module.exports = { launch, removeDirectory, temporaryDirectory };
