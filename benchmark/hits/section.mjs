/** The section: each workload in a process of its own, because the keys of one weigh on the others. */
import { run } from '../child.mjs';
import { generated } from './generated.mjs';
import { traces } from './traces.mjs';

/** Resolves to `{ workloads: [{ name, title, recorded, requests, footprint, sizes, ratios }] }`. */
export async function hits({ shares, keys, requests, loopKeys, traceFolder }, progress) {
  const sizes = { keys, requests, loopKeys };
  const tasks = [
    ...generated(sizes).map(({ name, title }) => ({ name, title, recorded: false, input: sizes })),
    ...(traceFolder === undefined ? [] : traces(traceFolder)).map(({ name, title }) => ({
      name,
      title,
      recorded: true,
      input: { traceFolder },
    })),
  ];
  const workloads = [];
  for (const { name, title, recorded, input } of tasks) {
    progress(title);
    const answer = await run('hits/replay.mjs', { workload: name, shares, ...input });
    workloads.push({ name, title, recorded, ...answer });
  }
  return { workloads, shares };
}
