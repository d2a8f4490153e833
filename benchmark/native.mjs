/**
 * Child program: what crossing into the native core costs, without promise and without decoding.
 * `probe` is the least that a call with a key can be: a raw function that reads its one string
 * argument and does nothing. The conversions of JSON beside it show what the rest of a hit is made
 * of. Answers with `{ rows: { probe, hit, miss, parse, stringify } }` in nanoseconds.
 */
import { createRequire } from 'node:module';
import { serve } from './child.mjs';
import { contender } from './contenders.mjs';
import { interleave } from './rounds.mjs';
import { missingKey, shuffled, smallKey, smallObject } from './values.mjs';

await serve(async ({ keys: count, rounds, warmup }) => {
  const { binding } = createRequire(import.meta.url)('../lib/native.js');
  const cache = await contender('ferrocache').open({ entries: count });
  const { handle } = cache;
  const order = Array.from(shuffled(count));
  const keys = order.map(smallKey);
  const missing = order.map(missingKey);
  const values = order.map(smallObject);
  const texts = values.map((value) => JSON.stringify(value));
  for (let at = 0; at < count; at += 1) await cache.put(keys[at], values[at]);
  for (let at = 0; at < count; at += 1) {
    const text = binding.get(handle, 0, keys[at]);
    if (typeof text !== 'string' || !text.endsWith(texts[at])) {
      throw new Error(`the native get of ${keys[at]} gave ${String(text)}`);
    }
  }

  const task = (id, operation, asked) => ({ id, kind: 'direct', operation, keys: asked, values });
  const rows = await interleave(
    [
      task('probe', (key) => binding.probe(key), keys),
      task('hit', (key) => binding.get(handle, 0, key), keys),
      task('miss', (key) => binding.get(handle, 0, key), missing),
      task('parse', (text) => JSON.parse(text), texts),
      task('stringify', (_, value) => JSON.stringify(value), keys),
    ],
    { rounds, warmup },
  );
  await cache.close();
  return { rows };
});
