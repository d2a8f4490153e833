/** The section's plot. */
import { mib, ms } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';

export function startupPlots({ rows }) {
  const group = (title, unit, valueOf, show, scale = 1) => ({
    title,
    unit: `${unit}; shorter is better`,
    rows: Object.entries(rows)
      .map(([name, row]) => ({
        label: name,
        value: valueOf(row) / scale,
        shown: show(valueOf(row)),
        kind: name === 'ferrocache' ? 'own' : 'peer',
      }))
      .filter(({ value }) => Number.isFinite(value)),
  });
  const MIB = 1024 ** 2;
  return {
    'startup.svg': barPlot({
      title: 'Starting with an empty cache in memory',
      groups: [
        group('require', 'milliseconds', ({ requireMs }) => requireMs, ms),
        group('memory of the process', 'MiB', ({ residentBytes }) => residentBytes, mib, MIB),
        group('installed files', 'MiB', ({ install }) => install?.bytes ?? NaN, mib, MIB),
      ],
    }),
  };
}
