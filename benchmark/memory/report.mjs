/** The section's results as Markdown. */
import { FLOOR } from '../contenders.mjs';
import { count, table } from '../format.mjs';
import { faster, nativePart, opsPart, ratio, spread } from '../report.mjs';
import { ENTRIES_OF_TAG, contenders } from './contenders.mjs';

const OPERATIONS = [
  ['taggedPut', '`put` with tags'],
  ['taggedGet', '`get` of it'],
  ['flush', 'flush of a tag'],
  ['increment', '`increment`'],
];

export function memoryReport({ ops, tagged, native }, plan) {
  return [opsPart(ops, plan.ops), taggedPart(tagged, plan.tagged), nativePart(native)].join('\n\n');
}

function taggedPart({ rows }, { keys }) {
  const names = contenders.map(({ name }) => name).filter((name) => rows[name]);
  const titles = OPERATIONS.map(([, title]) => title);
  const peers = names.filter((name) => name !== 'ferrocache');
  return [
    '### Tags and counters',
    `The same for entries that have two tags, one of which all ${count(keys)} share; the other one's ${ENTRIES_OF_TAG} entries are stored anew before each flush of it, untimed. An entry of layered-loader has one group instead, and async-cache-dedupe stores by its get-through call alone. "–": there is no such operation. The step of a counter in lru-cache is a \`get\` and a \`set\` with nothing awaited between.`,
    table(
      ['', ...titles],
      names.map((name) => [name, ...OPERATIONS.map(([operation]) => spread(rows[name][operation]))]),
    ),
    "ferrocache's time divided by theirs:",
    table(
      ['', ...titles],
      peers.map((name) => [
        name,
        ...OPERATIONS.map(([operation]) => ratio(rows.ferrocache[operation], rows[name][operation])),
      ]),
    ),
    faster(
      rows,
      peers.filter((name) => name !== FLOOR),
      OPERATIONS,
    ),
  ].join('\n\n');
}
