/** Child program: loads one package, makes an empty cache, uses it once; what that took, in a process that did nothing else. */
import { createRequire } from 'node:module';
import { collect, serve } from '../child.mjs';
import { contenders } from './contenders.mjs';

await serve(async ({ name }) => {
  const { entries, open, use } = contenders.find((candidate) => candidate.name === name);
  const require = createRequire(import.meta.url);
  await collect();
  const before = process.memoryUsage.rss();
  const begin = performance.now();
  const loaded = [];
  // Node.js 20 requires ES modules too; one that cannot be, it says so.
  for (const entry of entries) loaded.push(await required(require, entry));
  const requireMs = performance.now() - begin;
  const cache = open(loaded);
  await use(cache);
  const firstUseMs = performance.now() - begin;
  await collect();
  return { requireMs, firstUseMs, residentBytes: process.memoryUsage.rss() - before };
});

async function required(require, entry) {
  try {
    return require(entry);
  } catch (error) {
    if (
      !['ERR_REQUIRE_ASYNC_MODULE', 'ERR_REQUIRE_ESM', 'ERR_PACKAGE_PATH_NOT_EXPORTED'].includes(error.code)
    ) {
      throw error;
    }
    return import(entry);
  }
}
