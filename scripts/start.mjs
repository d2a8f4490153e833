// `npm start`: runs the Fastify example, from a fresh clone too.
//
//   npm start                          on memory
//   npm start -- --redis               on a redis-server of its own, or on that of REDIS_URL
//   REDIS_URL=redis://… npm start      on that server
//   COUCHDB_URL=http://… npm start     on that CouchDB
//
// Further arguments go to the example.

import { example, serverFor } from './example.mjs';
import { prepare } from './prepare.mjs';
import { missingPrerequisites } from './prerequisites.mjs';

const given = process.argv.slice(2);

process.exitCode = await start();

async function start() {
  const missing = missingPrerequisites(['cargo', 'cc']);
  for (const line of missing) console.error(line);
  if (missing.length > 0) return 1;
  // What is missing is said before a build of minutes.
  return (await serverFor(given)) || (await prepare()) || example(given);
}
