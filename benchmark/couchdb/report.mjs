/** The section's results as Markdown. */
import { count } from '../format.mjs';
import { scenarioPart } from '../remote/report.mjs';
import { contenders } from './contenders.mjs';
import { scenarios } from './scenarios.mjs';

export function couchdbReport(result, plan) {
  const { rows, server, packages } = result;
  const names = contenders.map(({ name }) => name);
  return `${[
    '### CouchDB',
    `Reading and overwriting ${count(plan.keys)} keys with a value of 154 bytes as JSON on the CouchDB that \`COUCHDB_URL\` names, in a fresh database for each contender. "In flight" is the number of loops, each of which awaits one operation after the other. Each contender has a process of its own, and one runs at a time. Every figure is the median of its values in ${plan.rounds} interleaved ${plan.rounds === 1 ? 'round' : 'rounds'}; p50 and p99 are percentiles of the time that one operation takes. CPU times are microseconds an operation.`,
    [
      `- CouchDB ${server.version}`,
      `- Contenders: ${names.map((name) => `${name} ${packages[name]}`).join(', ')}`,
    ].join('\n'),
    ...scenarios.map((scenario) => scenarioPart(scenario, rows[scenario.id], names)),
  ].join('\n\n')}\n`;
}
