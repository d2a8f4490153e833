/** The plots of a remote driver's section. */
import { scenarios as couchdbScenarios } from '../couchdb/scenarios.mjs';
import { count } from '../format.mjs';
import { barPlot } from '../plots/bars.mjs';
import { linePlot } from '../plots/lines.mjs';
import { scenarios as redisScenarios } from '../redis/scenarios.mjs';
import { title } from './scenarios.mjs';

const OWN = 'ferrocache';

/** One group of bars for each scenario that ran. */
function scenarioBars(heading, scenarios, rows, unit, figure) {
  return barPlot({
    title: heading,
    groups: scenarios
      .filter(({ id }) => rows[id])
      .map((scenario) => ({
        title: title(scenario).replaceAll('`', ''),
        unit,
        rows: Object.entries(rows[scenario.id]).map(([name, row]) => ({
          label: name,
          value: row[figure] ?? NaN,
          shown: row[figure] < 100 ? row[figure].toFixed(1) : count(row[figure]),
          kind: name.startsWith(OWN) ? 'own' : 'peer',
        })),
      }))
      .filter(({ rows: bars }) => bars.some(({ value }) => Number.isFinite(value))),
  });
}

function readsInFlight(heading, scenarios, rows) {
  const reads = scenarios
    .filter(({ id, operation }) => operation === 'get' && rows[id])
    .sort((a, b) => a.inFlight - b.inFlight);
  const names = Object.keys(rows[reads[0].id]);
  const panel = (panelTitle, figure) => ({
    title: panelTitle,
    series: names.map((name) => ({ name, values: reads.map(({ id }) => rows[id][name][figure]) })),
  });
  return linePlot({
    title: heading,
    stepsTitle: 'operations in flight',
    valuesTitle: '',
    steps: reads.map(({ inFlight }) => String(inFlight)),
    panels: [panel('get: operations a second', 'perSecond'), panel('get: 99th percentile, µs', 'p99Us')],
  });
}

const both = (driver, scenarios, rows) => ({
  'reads.svg': readsInFlight(`${driver}: reads, by how many are in flight`, scenarios, rows),
  'throughput.svg': scenarioBars(
    `${driver}: throughput`,
    scenarios,
    rows,
    'operations a second; longer is better',
    'perSecond',
  ),
});

export const redisPlots = ({ rows }) => both('Redis', redisScenarios, rows);
export const couchdbPlots = ({ rows }) => both('CouchDB', couchdbScenarios, rows);
