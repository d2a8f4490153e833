/** The section's plot. */
import { count, ms } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';
import { NONE } from './contenders.mjs';

export function fastifyPlots({ rows }) {
  const group = (title, unit, field, show) => ({
    title,
    unit,
    rows: Object.entries(rows).map(([name, row]) => ({
      label: name,
      value: row[field],
      shown: show(row[field]),
      kind: name.startsWith('ferrocache') ? 'own' : name === NONE ? 'floor' : 'peer',
    })),
  });
  return {
    'fastify.svg': barPlot({
      title: 'A Fastify app under load',
      groups: [
        group('throughput', 'requests a second; longer is better', 'perSecond', count),
        group('99th percentile', 'milliseconds; shorter is better', 'p99Ms', ms),
        group(
          'CPU of the app',
          'microseconds a request; shorter is better',
          'cpuUs',
          (value) => `${count(value)} µs`,
        ),
      ],
    }),
  };
}
