/** The section's plot. */
import { count, mib, ms } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';

export function heapPlots({ heap }, plan) {
  const group = (title, unit, field, show, scale = 1) => ({
    title,
    unit: `${unit}; shorter is better`,
    rows: Object.entries(heap.rows).map(([name, row]) => ({
      label: name,
      value: Math.max(0, row[field] / scale),
      shown: show(row[field]),
      kind: name.startsWith('ferrocache') ? 'own' : 'peer',
    })),
  });
  return {
    'heap.svg': barPlot({
      title: `A cache of ${count(plan.heap.entries)} entries of 1 KiB`,
      groups: [
        group('JS heap', 'MiB', 'heapBytes', mib, 1024 ** 2),
        group('resident memory', 'MiB', 'residentBytes', mib, 1024 ** 2),
        group('longest stall of the event loop', 'ms', 'longestStallMs', ms),
        group('garbage collection, a million operations', 'ms', 'gcMsPerMillion', ms),
        group('a trivial route, 99.9th percentile', 'ms', 'routeP999Ms', ms),
        group('time to fill', 'seconds', 'fillSeconds', (value) => `${value.toFixed(1)} s`),
      ],
    }),
  };
}
