/** The section's plots. */
import { count } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';
import { isOwn, labelOf } from './report.mjs';

const MIB = 1024 ** 2;

const kindOf = (call) => (isOwn(call) ? 'own' : call.startsWith('resolved') ? 'floor' : 'peer');

/** From here on an axis in nanoseconds has more digits than room. */
const LONG_NS = 100_000;

function group(title, rows) {
  const long = Object.values(rows).some(({ median }) => median >= LONG_NS);
  const show = (value) => (long && value < 10 ? value.toFixed(2) : count(value));
  const bars = Object.entries(rows)
    .map(([call, { median }]) => ({ call, value: long ? median / 1000 : median }))
    .map(({ call, value }) => ({ label: labelOf(call), value, shown: show(value), kind: kindOf(call) }))
    .sort((a, b) => a.value - b.value);
  return { title, unit: `${long ? 'micro' : 'nano'}seconds, median; shorter is better`, rows: bars };
}

function threadsGroup(title, unit, threads, valueOf) {
  const rows = threads.map((row) => ({
    label: `${row.name}, ${row.threads} ${row.threads === 1 ? 'thread' : 'threads'}`,
    value: valueOf(row),
    shown: count(valueOf(row)),
    kind: row.name === 'ferrocache' ? 'own' : 'peer',
  }));
  return { title, unit, rows };
}

export function hotPlots({ isolations, threads }) {
  const modes = Object.entries(isolations);
  const shapes = Object.keys(modes[0][1]);
  return {
    'hits.svg': barPlot({
      title: 'The hot tier: one awaited hit',
      groups: shapes.flatMap((shape) => modes.map(([mode, rows]) => group(`${shape}, ${mode}`, rows[shape]))),
    }),
    'threads.svg': barPlot({
      title: 'The hot tier: worker threads on one store, and an lru-cache in each',
      groups: [
        threadsGroup('reads', 'a second, all threads; longer is better', threads, (row) => row.perSecond),
        threadsGroup(
          'memory',
          'MiB, growth of the process; shorter is better',
          threads,
          (row) => row.bytes / MIB,
        ),
      ],
    }),
  };
}
