// Starts one command in the project's folder and waits for it.

import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';

import { root } from './project.mjs';

const posix = process.platform !== 'win32';

// npm starts a script through a shell, and a signal to npm ends that shell alone: the script learns of
// it only by having another parent.
const parent = posix && process.env.npm_lifecycle_event !== undefined ? process.ppid : null;
const ORPHAN_CHECK_MS = 200;

let interruption = null;

/** The signal that told this process to stop, or `null`: whoever runs several commands stops there. */
export const interruptedBy = () => interruption;

/**
 * Resolves to the command's exit code (128 + n if signal n ended it). Signals that this process
 * receives go on to the command, so that stopping the script stops what it started.
 *
 * With `timeoutMs` the command leads a process group of its own, and the whole group is killed when
 * the time is over: a tool that hangs usually hangs in a grandchild.
 */
export function run([command, ...args], { env, timeoutMs, stdin = 'ignore' } = {}) {
  const grouped = posix && timeoutMs !== undefined;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: [stdin, 'inherit', 'inherit'],
      detached: grouped,
    });

    const kill = (signal) => {
      if (child.exitCode !== null || child.pid === undefined) return;
      if (grouped) killGroup(child.pid, signal);
      else if (!posix && timeoutMs !== undefined) spawnSync('taskkill', ['/pid', `${child.pid}`, '/t', '/f']);
      else child.kill(signal);
    };
    // A terminal gives its interrupt to every process of the foreground group, so that a child in our
    // group has it already: a second one would tell most servers to stop without cleaning up.
    const forward = (signal) => {
      interruption = signal;
      if (signal === 'SIGINT' && !grouped && process.stdin.isTTY) return;
      kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const watch = setInterval(() => {
      if (parent === null || process.ppid === parent) return;
      clearInterval(watch);
      forward('SIGTERM');
    }, ORPHAN_CHECK_MS);

    let timedOut = false;
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            console.error(`stopped: it did not end within ${Math.round(timeoutMs / 1000)} s`);
            kill('SIGKILL');
          }, timeoutMs);

    const settle = () => {
      clearTimeout(timer);
      clearInterval(watch);
      for (const signal of signals) process.off(signal, forward);
    };
    child.on('error', (error) => {
      settle();
      reject(error.code === 'ENOENT' ? new Error(`${command} was not found`) : error);
    });
    child.on('close', (code, signal) => {
      settle();
      if (timedOut) resolve(124);
      else resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
