/** The section's plot. */
import { count, ms } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';
import { OWN } from './contenders.mjs';

export function tieredPlots({ news, rows }) {
  const group = (title, unit, values, show) => ({
    title,
    unit,
    rows: Object.entries(values).map(([name, value]) => ({
      label: name,
      value,
      shown: show(value),
      kind: name === OWN ? 'own' : 'peer',
    })),
  });
  const each = (from, field) =>
    Object.fromEntries(Object.entries(from).map(([name, row]) => [name, row[field]]));
  const percent = (share) => `${(share * 100).toFixed(3)} %`;
  const stale = each(rows, 'stale');
  return {
    'tiered.svg': barPlot({
      title: 'Two instances, two tiers each',
      groups: [
        group('throughput', 'operations a second; longer is better', each(rows, 'perSecond'), count),
        group('99th percentile of a read', 'microseconds; shorter is better', each(rows, 'p99Us'), count),
        group('stale reads', 'share of all reads; shorter is better', stale, percent),
        group('news, 99th percentile', 'milliseconds; shorter is better', each(news, 'p99Ms'), ms),
      ],
    }),
  };
}
