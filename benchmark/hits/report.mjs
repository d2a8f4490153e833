/** The section's results as Markdown. */
import { count, table } from '../format.mjs';
import { REFERENCE, REFERENCE_SHARES } from './reference.mjs';

const POLICIES = ['lru', 'tinylfu', 'lru-cache'];
const percent = (ratio) => (ratio * 100).toFixed(1);

export function hitsReport({ workloads, shares }) {
  const titles = shares.map((share) => `${share * 100} %`);
  const recorded = workloads.filter((workload) => workload.recorded);
  return [
    '### Hit ratios',
    `Of each hundred requests, how many were hits, in caches with room for ${titles.join(', ')} of the keys that are asked for at all; three figures each: \`lru\` / \`tinylfu\` / lru-cache. A miss is followed by a write.`,
    table(
      ['workload', 'requests', 'keys', ...titles],
      workloads.map(({ title, requests, footprint, ratios }) => [
        title,
        count(requests),
        count(footprint),
        ...shares.map((_, at) => POLICIES.map((policy) => percent(ratios[policy][at])).join(' / ')),
      ]),
    ),
    recorded.length > 0 ? referencePart(recorded, shares) : undefined,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function referencePart(recorded, shares) {
  const known = recorded.filter(({ name }) => REFERENCE[name]);
  if (known.length === 0) return undefined;
  const at = REFERENCE_SHARES.map((share) => shares.indexOf(share)).filter((index) => index !== -1);
  const both = (list) => list.map((value) => value.toFixed(1)).join(' / ');
  const measured = (ratios) => both(at.map((index) => ratios[index] * 100));
  return [
    "The same policies of others (Rust's `lru`; moka 0.12, whose figures depend on when it gets round to its queues), at 1 % / 10 % of the keys:",
    table(
      ['trace', '`lru`', "Rust's `lru`", '`tinylfu`', "moka's TinyLFU"],
      known.map(({ name, title, ratios }) => [
        title,
        measured(ratios.lru),
        both(REFERENCE[name].lru),
        measured(ratios.tinylfu),
        both(REFERENCE[name].tinylfu),
      ]),
    ),
  ].join('\n\n');
}
