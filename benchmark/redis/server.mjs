/**
 * A Redis server of the benchmark's own: on a free port of the loopback interface, without
 * persistence, and never longer alive than the benchmark.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort } from '../../scripts/own-redis.mjs';

const PROGRAM = process.env.REDIS_SERVER ?? 'redis-server';
const HOST = '127.0.0.1';
const START_MS = 10_000;
const ATTEMPTS = 5;

/**
 * A shell holds the server, because no handler of ours runs if this process is killed: then the pipe
 * that the shell reads from closes. Signals of the terminal are the benchmark's to handle.
 */
const KEEPER = '"$@" >/dev/null & pid=$!; trap "" INT TERM HUP; echo $pid; read -r _; kill $pid; wait $pid';

/** Why there can be no server here, or null. */
export function unavailable() {
  const { error, status } = spawnSync(PROGRAM, ['--version'], { stdio: 'ignore' });
  return error || status !== 0 ? 'there is no redis-server to measure with' : null;
}

/** Resolves to `{ host, port, pid, version, info, stop }`. */
export async function startServer() {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      // Somebody else may have taken the port in between.
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function start(port) {
  const args = ['--port', port, '--bind', HOST, '--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', PROGRAM, ...args.map(String)], {
    cwd: os.tmpdir(),
    stdio: ['pipe', 'pipe', 2],
  });
  const ended = once(keeper, 'exit');
  const stop = async () => {
    keeper.stdin.end();
    await ended;
  };
  try {
    const [line] = await once(keeper.stdout, 'data');
    const pid = Number(line);
    const until = performance.now() + START_MS;
    const { process_id: answering, redis_version: version } = await firstAnswer(port, pid, until);
    if (Number(answering) !== pid) throw new Error(`port ${port} is another server's`);
    return { host: HOST, port, pid, version, stop, info: (section) => info(port, section) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function firstAnswer(port, pid, until) {
  for (;;) {
    try {
      return await info(port);
    } catch (error) {
      process.kill(pid, 0);
      if (performance.now() > until) throw error;
      await sleep(20);
    }
  }
}

/** What the server says of itself, by name. */
async function info(port, section = 'default') {
  const text = await command(port, `INFO ${section}`);
  return Object.fromEntries(
    [...text.matchAll(/^([\w|-]+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]),
  );
}

/** One inline command on a connection of its own; the reply as text. */
async function command(port, line) {
  const socket = net.connect({ host: HOST, port });
  socket.setTimeout(START_MS, () => socket.destroy(new Error('the server does not answer')));
  // The server closes the connection after `QUIT`: what came before it is the reply.
  socket.write(`${line}\r\nQUIT\r\n`);
  let reply = '';
  for await (const chunk of socket.setEncoding('utf8')) reply += chunk;
  return reply;
}
