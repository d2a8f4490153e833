/** The section's results as Markdown. */
import { count, table } from '../format.mjs';
import { contenders } from './contenders.mjs';
import { scenarios, title } from './scenarios.mjs';

/** The section's part of the report; undefined if it did not run. */
export function redisReport(result, plan) {
  if (!result) return undefined;
  if (result.unavailable) return `### Redis\n\nNot measured: ${result.unavailable}.\n`;
  const { rows, server, packages, skipped } = result;
  const versions = Object.entries(packages).filter(([name]) => !skipped[name]);
  return `${[
    '### Redis',
    `Reading and writing ${count(plan.keys)} keys with a value of 154 bytes as JSON on a Redis server of the benchmark's own, over TCP on the loopback interface. "In flight" is the number of loops, each of which awaits one operation after the other; \`get\` and \`many\` give values, so what a client returns as text is parsed. Each client has a process of its own, and one runs at a time. Every figure is the median of its values in ${plan.rounds} interleaved ${plan.rounds === 1 ? 'round' : 'rounds'}; p50 and p99 are percentiles of the time that one operation takes. CPU times are microseconds an operation.`,
    [
      `- Redis ${server.version}`,
      `- Clients: ${versions.map(([name, version]) => `${name} ${version}`).join(', ')}`,
      ...Object.entries(skipped).map(([name, reason]) => `- Without ${name}: ${reason}`),
    ].join('\n'),
    ...scenarios.filter(({ id }) => rows[id]).map((scenario) => scenarioPart(scenario, rows[scenario.id])),
  ].join('\n\n')}\n`;
}

function scenarioPart(scenario, row) {
  const names = contenders.map(({ name }) => name).filter((name) => row[name]);
  return [
    `#### ${title(scenario)}`,
    table(
      ['', 'operations a second', 'JS thread, µs', 'process, µs', 'p50, µs', 'p99, µs'],
      names.map((name) => {
        const { perSecond, scriptUs, processUs, p50Us, p99Us } = row[name];
        return [name, count(perSecond), micro(scriptUs), micro(processUs), micro(p50Us), micro(p99Us)];
      }),
    ),
    coresPart(names, row),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** Client and server share the machine: how many cores each had, and how long it waited for one. */
function coresPart(names, row) {
  if (names.some((name) => row[name].serverShare === null)) return undefined;
  const shares = names.map((name) => {
    const { serverShare, processShare, serverWaits, scriptWaits } = row[name];
    return `${name} ${cores(serverShare)} + ${cores(processShare)} (${cores(serverWaits)}, ${cores(scriptWaits)})`;
  });
  return `Cores that the server + the client had (and the share of the time that the server and the JS thread waited for one): ${shares.join('; ')}.`;
}

const micro = (value) => (value === null ? '–' : value < 100 ? value.toFixed(2) : count(value));
const cores = (share) => share.toFixed(2);
