// A redis-server on a free port of the loopback address. It stores nothing on disk and is gone with the
// process that started it, however that one ends.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { tmpdir } from 'node:os';

const HOST = '127.0.0.1';
const READY = /ready to accept connections/i;
const START_MS = 10_000;
const ATTEMPTS = 5;

// A subshell beside the server reads a pipe that this process holds. A line says that the server has
// ended; the end of the pipe, that this process has. `exec` lets the server keep the shell's pid.
const HELD = '(read -r _ <&3 || kill -9 $$) >/dev/null 2>&1 & exec "$@" 3<&-';

/** Resolves to `{ url, pid, stop }` when the server answers. */
export async function startOwnRedis() {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      // Somebody else can be faster in taking the port.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function start(port) {
  const program = process.env.REDIS_SERVER || 'redis-server';
  const where = ['--bind', HOST, '--port', `${port}`, '--dir', tmpdir()];
  const args = [...where, '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
  const server = spawn('/bin/sh', ['-c', HELD, 'sh', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    // In a session of its own: Ctrl+C in the terminal is for the example, which still needs the server.
    detached: true,
  });
  const [, output, , pipe] = server.stdio;
  // The subshell may be gone before it is told.
  pipe.on('error', () => {});
  const ended = once(server, 'exit').finally(() => pipe.end('\n'));
  const stop = async () => {
    server.kill('SIGKILL');
    await ended;
  };
  const timer = setTimeout(() => server.kill('SIGKILL'), START_MS);
  try {
    await ready(output);
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  // A log that nobody reads would hold up the server.
  output.removeAllListeners('data').resume();
  return { url: `redis://${HOST}:${port}`, pid: server.pid, stop };
}

/** Resolves when the server says in its log that it serves; it does not where the port is taken. */
function ready(output) {
  let log = '';
  return new Promise((resolve, reject) => {
    output.setEncoding('utf8').on('data', (text) => {
      log += text;
      if (READY.test(log)) resolve();
    });
    output.on('end', () => reject(new Error(`redis-server did not start:\n${log}`)));
  });
}

/** A port of the loopback address that nobody has at this moment. */
export async function freePort() {
  const probe = net.createServer().listen(0, HOST);
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
