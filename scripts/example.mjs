// Runs the Fastify example, with a Redis server beside it if it is asked for and none is named.

import { startOwnRedis } from './own-redis.mjs';
import { redis } from './redis.mjs';
import { run } from './run.mjs';

const REDIS = '--redis';

/** Resolves to 0 if the example can have the server that it is asked to run on. */
export async function serverFor(given) {
  if (!needsOwn(given)) return 0;
  // The server is held by a shell, and there is no Redis for Windows.
  if (process.platform !== 'win32') return redis();
  console.error('there is no Redis for Windows: name a server in REDIS_URL');
  return 1;
}

/** Resolves to the exit code of the example. */
export async function example(given) {
  const further = given.filter((argument) => argument !== REDIS);
  const command = [process.execPath, 'examples/fastify/server.js', ...further];
  if (!needsOwn(given)) return run(command, { stdin: 'inherit' });

  const { url, stop } = await startOwnRedis();
  try {
    console.log(`
Redis: a server of the example's own, gone with it. A second app on the same server:
  REDIS_URL=${url} npm start`);
    return await run(command, { stdin: 'inherit', env: { REDIS_URL: url } });
  } finally {
    await stop();
  }
}

function needsOwn(given) {
  return given.includes(REDIS) && !process.env.REDIS_URL;
}
