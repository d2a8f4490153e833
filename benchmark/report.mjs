/** A run's results as Markdown: the machine, the bars, the tables. */
import { bars } from './bars.mjs';
import { FLOOR, contenders } from './contenders.mjs';
import { count, mib, ms, table, times } from './format.mjs';

export function report({ machine, command, smoke, plan, results }) {
  const parts = [
    smoke && '**A smoke run: it proves that the benchmark works. Its figures mean nothing.**',
    describe(machine, command),
    barsPart(results),
    results.ops && opsPart(results.ops, plan.ops),
    results.native && nativePart(results.native),
    results.heap && heapPart(results.heap, plan.heap),
    results.overhead && overheadPart(results.overhead, plan.overhead),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function describe(machine, command) {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}`,
    `- Node ${machine.node} (V8 ${machine.v8}); load before the run ${machine.loadBefore.toFixed(2)}`,
    `- Date: ${machine.date}`,
    `- Command: \`${command}\``,
    `- Packages: ${packages.join(', ')}`,
  ].join('\n');
}

function barsPart(results) {
  const list = bars(results);
  if (list.length === 0) return undefined;
  const rows = list.map(({ text, limit, measured, met }) => [
    text,
    limit,
    measured,
    met ? 'met' : '**missed**',
  ]);
  return `### The bars\n\n${table(['what', 'bar', 'measured', ''], rows)}`;
}

const OPERATIONS = [
  ['get', '`get` hit'],
  ['put', '`put`'],
  ['miss', 'miss'],
  ['remember', '`remember` hit'],
];

function opsPart({ rows }, { keys, rounds }) {
  const names = contenders.map(({ name }) => name).filter((name) => rows[name]);
  const titles = OPERATIONS.map(([, title]) => title);
  const figures = names.map((name) => [
    name,
    ...OPERATIONS.map(([operation]) => spread(rows[name][operation])),
    name === FLOOR ? '–' : rows[name].isolates ? 'yes' : 'no',
  ]);
  const peers = names.filter((name) => name !== 'ferrocache');
  const ratios = peers.map((name) => [
    name,
    ...OPERATIONS.map(([operation]) => ratio(rows.ferrocache[operation], rows[name][operation])),
  ]);
  return [
    '### Operations',
    `Nanoseconds for one awaited operation, one after another, over ${count(keys)} keys with a value of 154 bytes as JSON: the median, and in brackets the 99th percentile, of slices of 1,000 operations in ${rounds} interleaved rounds. "Isolated": a reader who changes what he read changes nothing in the cache.`,
    table(['', ...titles, 'isolated'], figures),
    "ferrocache's time divided by theirs (below 1: ferrocache is faster):",
    table(['', ...titles], ratios),
    faster(rows, peers),
  ].join('\n\n');
}

const spread = (summary) => (summary ? `${count(summary.median)} (${count(summary.p99)})` : '–');
const ratio = (own, other) => (own && other ? times(own.median / other.median) : '–');

/** Says by name who was faster than ferrocache, so that nobody has to look for it. */
function faster(rows, peers) {
  const found = [];
  for (const name of peers.filter((peer) => peer !== FLOOR)) {
    for (const [operation, title] of OPERATIONS) {
      const other = rows[name][operation];
      const own = rows.ferrocache[operation];
      if (other && other.median < own.median) {
        found.push(`- ${name}, ${title}: ${times(own.median / other.median)} as fast`);
      }
    }
  }
  if (found.length === 0) return 'No peer was faster than ferrocache in this run.';
  return `Faster than ferrocache in this run:\n\n${found.join('\n')}`;
}

const CALLS = [
  ['probe', 'raw function, one string argument'],
  ['hit', 'native get, hit'],
  ['miss', 'native get, miss'],
  ['parse', '`JSON.parse` of the value'],
  ['stringify', '`JSON.stringify` of the value'],
];

function nativePart({ rows }) {
  return [
    '### The native call',
    "Nanoseconds for one synchronous call, without promise and decoding. The raw function reads its argument and does nothing else. The conversions of JSON are V8's, for comparison.",
    table(
      ['', 'median', '99th percentile', 'of the raw call'],
      CALLS.map(([id, title]) => [
        title,
        count(rows[id].median),
        count(rows[id].p99),
        times(rows[id].median / rows.probe.median),
      ]),
    ),
  ].join('\n\n');
}

function heapPart({ rows }, { entries, seconds, rounds }) {
  const columns = Object.values(rows);
  const row = (title, show) => [title, ...columns.map(show)];
  return [
    '### A large cache: heap, memory and stalls',
    `${count(entries)} entries of 1 KiB of JSON in a process of its own; then ${count(seconds)} s of traffic over them without pause (Zipf, 90 % \`get\`, 10 % \`put\`), 100 operations in each turn of the event loop. A stall is what a turn took beyond the usual one. Every figure is the median of its values in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`,
    table(
      ['', ...Object.keys(rows)],
      [
        row('growth of the JS heap', ({ heapBytes }) => mib(heapBytes)),
        row('growth of external memory', ({ externalBytes }) => mib(externalBytes)),
        row('growth of resident memory', ({ residentBytes }) => mib(residentBytes)),
        row('time to fill', ({ fillSeconds }) => `${fillSeconds.toFixed(1)} s`),
        row('operations', ({ operations }) => count(operations)),
        row('usual turn', ({ turnMs }) => ms(turnMs)),
        row('99.9th percentile of stalls', ({ p999StallMs }) => ms(p999StallMs)),
        row('longest stall', ({ longestStallMs }) => ms(longestStallMs)),
        row('garbage collection, in all', ({ gcMs }) => ms(gcMs)),
        row('garbage collection, a million operations', ({ gcMsPerMillion }) => ms(gcMsPerMillion)),
        row('garbage collection, longest', ({ longestGcMs }) => ms(longestGcMs)),
        row('full collections', ({ fullCollections }) => count(fullCollections)),
      ],
    ),
  ].join('\n\n');
}

function overheadPart({ rows }, { entries }) {
  const columns = Object.values(rows);
  const row = (title, show) => [title, ...columns.map(show)];
  return [
    '### Overhead of an entry',
    `Bytes an entry beyond its key and value, from ${count(entries)} entries with keys of 13 and values of 100 bytes. "Resident" is what the process grew by; "on the JS heap" is the whole entry's part that V8 holds; "accounted" is what \`maxSizeBytes\` counts.`,
    table(
      ['', ...Object.keys(rows)],
      [
        row('resident, beyond key and value', ({ residentBytes }) => count(residentBytes)),
        row('on the JS heap, key and value included', ({ heapBytes }) => count(heapBytes)),
        row('accounted, beyond key and value', ({ accountedBytes }) =>
          accountedBytes === null ? '–' : count(accountedBytes),
        ),
      ],
    ),
  ].join('\n\n');
}
