// `npm start`: runs the Fastify example, from a fresh clone too. Arguments go to the example.

import { prepare } from './prepare.mjs';
import { missingPrerequisites } from './prerequisites.mjs';
import { run } from './run.mjs';

const missing = missingPrerequisites(['cargo', 'cc']);
for (const line of missing) console.error(line);

process.exitCode =
  missing.length > 0
    ? 1
    : (await prepare()) ||
      (await run([process.execPath, 'examples/fastify/server.js', ...process.argv.slice(2)], {
        stdin: 'inherit',
      }));
