/** Whether our policies keep as much as others of the same kind do. */
import { REFERENCE, REFERENCE_SHARES } from './reference.mjs';

/** Points of a hit ratio in per cent by which ours may be below. */
const POINTS = 0.5;

export function hitsBars({ workloads, shares }) {
  return [
    lowest("`lru`, lowest beside lru-cache's, which is exact", againstLruCache(workloads)),
    ...['lru', 'tinylfu'].map((policy) =>
      lowest(`\`${policy}\`, lowest beside the figures of others on public traces`, {
        ...againstReference(policy, workloads, shares),
      }),
    ),
  ].filter(Boolean);
}

function againstLruCache(workloads) {
  return worst(
    workloads.flatMap(({ title, ratios }) =>
      ratios.lru.map((ratio, at) => ({ title, points: (ratio - ratios['lru-cache'][at]) * 100 })),
    ),
  );
}

function againstReference(policy, workloads, shares) {
  return worst(
    workloads
      .filter(({ name, recorded }) => recorded && REFERENCE[name])
      .flatMap(({ name, title, ratios }) =>
        REFERENCE_SHARES.flatMap((share, at) => {
          const measured = ratios[policy][shares.indexOf(share)];
          if (measured === undefined) return [];
          return [
            { title: `${title} at ${share * 100} %`, points: measured * 100 - REFERENCE[name][policy][at] },
          ];
        }),
      ),
  );
}

const worst = (differences) =>
  differences.reduce((low, next) => (low === undefined || next.points < low.points ? next : low), undefined);

function lowest(text, { title, points } = {}) {
  if (title === undefined) return undefined;
  return {
    text: `${text} (${title})`,
    limit: `≥ −${POINTS} points`,
    measured: `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)} points`,
    value: points,
    met: points >= -POINTS,
  };
}
