/** Results as Markdown: the machine, the bars, and the tables of the memory driver. */
import { FLOOR, contenders } from './contenders.mjs';
import { count, mib, ms, table, times } from './format.mjs';

/** What stands above a section's tables. */
export function heading({ machine, command, smoke, seconds, bars }) {
  return [
    smoke && '**A smoke run: it proves that the benchmark works. Its figures mean nothing.**',
    describe(machine, command, seconds),
    bars.length > 0 && barsPart(bars),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function describe(machine, command, seconds) {
  const packages = Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`);
  return [
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.system}`,
    `- Node ${machine.node} (V8 ${machine.v8}); load before the section ${machine.loadBefore.toFixed(2)}`,
    `- Date: ${machine.date}; the section took ${count(seconds)} s`,
    `- Command: \`${command}\``,
    `- Packages: ${packages.join(', ')}`,
  ].join('\n');
}

function barsPart(bars) {
  const rows = bars.map(({ text, limit, measured, met }) => [
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

export function opsPart({ rows }, { keys, rounds }) {
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
    faster(
      rows,
      peers.filter((name) => name !== FLOOR),
      OPERATIONS,
    ),
  ].join('\n\n');
}

export const spread = (summary) => (summary ? `${count(summary.median)} (${count(summary.p99)})` : '–');
export const ratio = (own, other) => (own && other ? times(own.median / other.median) : '–');

/** Says by name who was faster than ferrocache, so that nobody has to look for it. */
export function faster(rows, peers, operations) {
  const found = [];
  for (const name of peers) {
    for (const [operation, title] of operations) {
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

export function nativePart({ rows }) {
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

export function heapPart({ rows }, { entries, seconds, routeSeconds, rounds }) {
  const columns = Object.values(rows);
  const row = (title, show) => [title, ...columns.map(show)];
  return [
    '### A large cache: heap, memory and stalls',
    `${count(entries)} entries of 1 KiB of JSON in a process of its own; then ${count(seconds)} s of traffic over them without pause (Zipf, 90 % \`get\`, 10 % \`put\`), 100 operations in each turn of the event loop. A stall is what a turn took beyond the usual one. Then, under the same traffic, ${count(routeSeconds)} s of requests over ten connections to a route of the same process that answers with a constant and asks no cache. Every figure is the median of its values in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`,
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
        row('the route, requests a second', ({ routePerSecond }) => count(routePerSecond)),
        row('the route, median', ({ routeP50Ms }) => ms(routeP50Ms)),
        row('the route, 99.9th percentile', ({ routeP999Ms }) => ms(routeP999Ms)),
        row('the route, longest', ({ routeMaxMs }) => ms(routeMaxMs)),
      ],
    ),
  ].join('\n\n');
}

export function overheadPart({ rows }, { entries }) {
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
