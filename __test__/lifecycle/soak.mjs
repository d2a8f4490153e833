// 1,000 workers, opened and terminated in the middle of their work. Not part of `npm test`:
//
//   node __test__/lifecycle/soak.mjs [workers] [at a time]

import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const { runFile } = createRequire(import.meta.url)('../support/child.js');

const MEBIBYTE = 1024 * 1024;
const [workers = '1000', width = '8'] = process.argv.slice(2);
const churn = path.join(path.dirname(fileURLToPath(import.meta.url)), 'churn.js');

const ended = await runFile(churn, {
  args: [workers, width],
  flags: ['--expose-gc'],
  limit: 30 * 60_000,
});
if (ended.code !== 0) {
  process.stderr.write(ended.stderr);
  process.stderr.write(
    `it ended with ${ended.hung ? 'nothing in 30 minutes' : (ended.signal ?? ended.code)}\n`,
  );
  process.exit(1);
}

const { samples, ...left } = JSON.parse(ended.stdout);
for (const { workers: count, rss, handles, threads } of samples) {
  const size = (rss / MEBIBYTE).toFixed(1);
  process.stdout.write(`${count} workers: ${size} MiB resident, ${handles} handles, ${threads} threads\n`);
}
process.stdout.write(`left behind: ${JSON.stringify(left)}\n`);

const [, warm, last] = samples;
const perWorker = (last.rss - warm.rss) / (last.workers - warm.workers);
process.stdout.write(`growth: ${(perWorker / 1024).toFixed(1)} KiB a worker\n`);
const clean = left.entries === 0 && left.locks === 0 && left.flights === 0 && perWorker < 100 * 1024;
process.exitCode = clean ? 0 : 1;
