/** The section's results as Markdown. */
import { count } from '../format.mjs';
import { scenarioPart } from '../remote/report.mjs';
import { contenders } from './contenders.mjs';
import { scenarios } from './scenarios.mjs';

export function redisReport(result, plan) {
  const { rows, server, packages, skipped } = result;
  const names = contenders.map(({ name }) => name);
  const versions = Object.entries(packages).filter(([name]) => !skipped[name]);
  return `${[
    '### Redis',
    `Reading and writing ${count(plan.keys)} keys with a value of 154 bytes as JSON on a Redis server of the benchmark's own, over TCP on the loopback interface. "In flight" is the number of loops, each of which awaits one operation after the other; \`get\` and \`many\` give values, so what a client returns as text is parsed. Each client has a process of its own, and one runs at a time. Every figure is the median of its values in ${plan.rounds} interleaved ${plan.rounds === 1 ? 'round' : 'rounds'}; p50 and p99 are percentiles of the time that one operation takes. CPU times are microseconds an operation.`,
    [
      `- Redis ${server.version}`,
      `- Clients: ${versions.map(([name, version]) => `${name} ${version}`).join(', ')}`,
      ...Object.entries(skipped).map(([name, reason]) => `- Without ${name}: ${reason}`),
    ].join('\n'),
    ...scenarios
      .filter(({ id }) => rows[id])
      .map((scenario) => scenarioPart(scenario, rows[scenario.id], names)),
  ].join('\n\n')}\n`;
}
