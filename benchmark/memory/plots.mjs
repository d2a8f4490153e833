/** The section's plots. */
import { FLOOR } from '../contenders.mjs';
import { count } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';

const kindOf = (name) => (name.startsWith('ferrocache') ? 'own' : name === FLOOR ? 'floor' : 'peer');

function group(title, rows, operation) {
  const bars = Object.entries(rows)
    // The rows of a child are in the order in which they were measured; the quickest first reads better.
    .filter(([, row]) => row[operation])
    .map(([name, row]) => ({
      label: name,
      value: row[operation].median,
      shown: count(row[operation].median),
      kind: kindOf(name),
    }))
    .sort((a, b) => a.value - b.value);
  return { title, unit: 'nanoseconds, median; shorter is better', rows: bars };
}

export const memoryPlots = ({ ops, tagged }) => ({
  'operations.svg': barPlot({
    title: 'Memory: one awaited operation, a value of 154 bytes',
    groups: [
      group('get, hit', ops.rows, 'get'),
      group('put', ops.rows, 'put'),
      group('remember, hit', ops.rows, 'remember'),
      group('get, miss', ops.rows, 'miss'),
    ],
  }),
  'tags.svg': barPlot({
    title: 'Memory: tags and counters',
    groups: [
      group('put with two tags', tagged.rows, 'taggedPut'),
      group('get of a tagged entry', tagged.rows, 'taggedGet'),
      group('flush of a tag with ten entries', tagged.rows, 'flush'),
      group('increment', tagged.rows, 'increment'),
    ],
  }),
});
