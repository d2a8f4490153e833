/** A scenario's results as Markdown. */
import { count, table } from '../format.mjs';
import { title } from './scenarios.mjs';

/** `names` in the order of the table; `row` is `{ [contender]: figures }`. */
export function scenarioPart(scenario, row, names) {
  const present = names.filter((name) => row[name]);
  return [
    `#### ${title(scenario)}`,
    table(
      ['', 'operations a second', 'JS thread, µs', 'process, µs', 'p50, µs', 'p99, µs'],
      present.map((name) => {
        const { perSecond, scriptUs, processUs, p50Us, p99Us } = row[name];
        return [name, count(perSecond), micro(scriptUs), micro(processUs), micro(p50Us), micro(p99Us)];
      }),
    ),
    coresPart(present, row),
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
