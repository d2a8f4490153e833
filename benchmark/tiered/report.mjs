/** The section's results as Markdown. */
import { count, ms, table, times } from '../format.mjs';
import { contenders } from './contenders.mjs';

const percent = (share) => `${(share * 100).toFixed(3)} %`;
const micro = (value) => (value < 100 ? value.toFixed(1) : count(value));

export function tieredReport(result, plan) {
  const { hits, news, rows, server, packages } = result;
  const { traffic } = plan;
  const names = contenders.map(({ name }) => name);
  const listed = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `${[
    [`- Redis ${server.version}`, `- Caches: ${listed.join('; ')}`].join('\n'),
    '### A hit in memory, one awaited after the other',
    table(
      ['', 'memory driver, ns', 'tiered driver, ns', 'ratio'],
      [
        ['plain', '', 'without tags'],
        ['tagged', '', 'two tags'],
        ['plain', 'Core', 'without tags, `hot: false`'],
        ['tagged', 'Core', 'two tags, `hot: false`'],
      ].map(([kind, hot, label]) => {
        const [memory, own] = ['memory', 'tiered'].map((of) => hits[`${of}${hot} ${kind}`].median);
        return [label, count(memory), count(own), times(own / memory)];
      }),
    ),
    '### From `put` on one instance to the new value on another',
    `Two processes: the one writes, and the other reads without a pause, the value before in its memory. The time from the call of \`put\` until the new value is read, of ${count(plan.news.samples)} writes.`,
    table(
      ['', 'p50', 'p99', 'not within 5 s'],
      names
        .filter((name) => news[name])
        .map((name) => {
          const { p50Ms, p99Ms, lost } = news[name];
          return [name, ms(p50Ms), ms(p99Ms), count(lost)];
        }),
    ),
    '### Traffic on two instances',
    `Two processes on one Redis, ${count(traffic.inFlight)} loops in each, ${count(traffic.operations)} operations a round and process: ${count(traffic.keys)} keys by Zipf's law (0.99), ${100 - traffic.writes * 100} % reads, memory for ${count(traffic.entries)} values; a turn of the event loop after each operation. A read is stale if what it gave had been overwritten before it began, for sure. Every figure is the median of ${traffic.rounds} interleaved ${traffic.rounds === 1 ? 'round' : 'rounds'}; the times are those of a read.`,
    table(
      [
        '',
        'operations a second',
        'Redis commands an operation',
        'p50, µs',
        'p99, µs',
        'CPU, µs',
        'stale reads',
        'behind, median',
      ],
      names.map((name) => {
        const { perSecond, commands, p50Us, p99Us, cpuUs, stale, behindMs } = rows[name];
        return [
          name,
          count(perSecond),
          commands.toFixed(3),
          micro(p50Us),
          micro(p99Us),
          micro(cpuUs),
          percent(stale),
          ms(behindMs),
        ];
      }),
    ),
  ].join('\n\n')}\n`;
}
