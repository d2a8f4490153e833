/** What the CouchDB driver promises beside the plugin on nano, and whether this run kept it. */
import { bar } from '../remote/bars.mjs';
import { title } from '../remote/scenarios.mjs';
import { OWN, PLUGIN } from './contenders.mjs';
import { scenario } from './scenarios.mjs';

const THROUGHPUT = { 'get-64': 5, 'put-64': 5 };
const LATENCY = { 'get-1': 1.2, 'put-1': 0.8 };

/** The bars of the section: `{ text, limit, measured, value, met }`; none of a shortened run. */
export function couchdbBars(result) {
  if (!result.bars) return [];
  const ratio = (id, field) => result.rows[id][OWN][field] / result.rows[id][PLUGIN][field];
  const text = (id, what) => `${title(scenario(id))}, on CouchDB: ${what}, of the ${PLUGIN}'s`;
  return [
    ...Object.entries(THROUGHPUT).map(([id, limit]) =>
      bar(text(id, 'throughput'), '≥', ratio(id, 'perSecond'), limit),
    ),
    ...Object.entries(LATENCY).map(([id, limit]) => bar(text(id, 'latency'), '≤', ratio(id, 'p50Us'), limit)),
  ];
}
