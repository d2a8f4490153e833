/** The section's results as Markdown. */
import { count, mib, ms, table } from '../format.mjs';
import { contenders } from './contenders.mjs';

export function fastifyReport({ rows, skipped }, { ids, connections, rounds, seconds }) {
  const present = contenders.filter(({ name }) => rows[name]);
  return [
    '### A Fastify app',
    `\`GET /users/:id\` answers with a record of about 1 KiB that the app needs 2 ms to come by (a timer in the place of a database), or with the cache's copy: ${count(ids)} records, all cached, asked for by Zipf's law over ${count(connections)} connections by autocannon, which has a core of its own if there are two. Each app has a process of its own; the figures are medians of ${rounds} interleaved ${rounds === 1 ? 'round' : 'rounds'} of ${count(seconds)} s. CPU is the time of all threads of the app's process, for a request; Redis's own is not in it.`,
    skipped.length > 0 && `Not measured, for want of a redis-server: ${skipped.join(', ')}.`,
    table(
      ['', 'requests a second', 'p50', 'p99', 'CPU, µs a request', 'resident memory'],
      present.map(({ name }) => {
        const { perSecond, p50Ms, p99Ms, cpuUs, residentBytes } = rows[name];
        return [name, count(perSecond), ms(p50Ms), ms(p99Ms), count(cpuUs), mib(residentBytes)];
      }),
    ),
    present.map(({ name, setup }) => `- ${name}: ${setup}`).join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n');
}
