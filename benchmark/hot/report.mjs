/** The section's results as Markdown. */
import { FLOOR } from '../contenders.mjs';
import { count, mib, table, times } from '../format.mjs';
import { faster, ratio, spread } from '../report.mjs';
import { keysOf, shapes as known } from './shapes.mjs';

const OWN = ['get', 'remember'];
const TITLES = { frozen: "`isolation: 'frozen'`", copy: "`isolation: 'copy'`, the default" };

export const isOwn = (call) => OWN.includes(call);
/** As tables and plots name a call. */
export const labelOf = (call) => (isOwn(call) ? `ferrocache, ${call}` : call);

export function hotReport({ isolations, threads }, plan) {
  const parts = Object.entries(isolations).map(([isolation, rows]) =>
    isolationPart(isolation, rows, plan.hits),
  );
  return [...parts, threadsPart(threads, plan.threads)].join('\n\n');
}

function isolationPart(isolation, rows, { keys, rounds }) {
  const shapes = Object.keys(rows);
  const calls = Object.keys(rows[shapes[0]]);
  const others = calls.filter((call) => !isOwn(call));
  const fewer = Object.entries(known)
    .filter(([, { share }]) => share < 1)
    .map(([shape]) => `${shape}: ${count(keysOf(shape, keys))}`)
    .join('; ');
  const byName = Object.fromEntries(
    ['get', ...others].map((call) => [
      call === 'get' ? 'ferrocache' : call,
      Object.fromEntries(shapes.map((shape) => [shape, rows[shape][call]])),
    ]),
  );
  return [
    `### ${TITLES[isolation]}`,
    `Nanoseconds for one awaited hit, one after another, over ${count(keys)} keys (${fewer}): the median, and in brackets the 99th percentile, of slices of up to 1,000 operations in ${rounds} interleaved rounds.`,
    table(
      ['', ...shapes],
      calls.map((call) => [labelOf(call), ...shapes.map((shape) => spread(rows[shape][call]))]),
    ),
    "The time of ferrocache's `get` divided by theirs (below 1: ferrocache is faster):",
    table(
      ['', ...shapes],
      others.map((call) => [call, ...shapes.map((shape) => ratio(rows[shape].get, rows[shape][call]))]),
    ),
    faster(
      byName,
      others.filter((call) => call !== FLOOR && !call.startsWith('resolved')),
      shapes.map((shape) => [shape, shape]),
    ),
  ].join('\n\n');
}

function threadsPart(threads, { keys, rounds, seconds }) {
  const one = Object.fromEntries(threads.filter((row) => row.threads === 1).map((row) => [row.name, row]));
  return [
    '### Reads by worker threads',
    `${count(keys)} values of 154 bytes; for ${seconds} s each thread awaits one \`get\` after the other of a tenth of the keys. ferrocache: one named store for all threads, \`frozen\`; lru-cache: one in each thread. Memory is what the process grew by, threads included. Every figure is the median of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`,
    table(
      ['', 'threads', 'reads a second', 'of one thread', 'memory', 'of one thread'],
      threads.map(({ name, threads: number, perSecond, bytes }) => [
        name,
        count(number),
        count(perSecond),
        times(perSecond / one[name].perSecond),
        mib(bytes),
        times(bytes / one[name].bytes),
      ]),
    ),
  ].join('\n\n');
}
