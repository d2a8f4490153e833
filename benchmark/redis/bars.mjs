/** What the Redis driver promises beside the other clients, and whether this run kept it. */
import { bar } from '../remote/bars.mjs';
import { title } from '../remote/scenarios.mjs';
import { IOREDIS, OWN } from './contenders.mjs';
import { scenario } from './scenarios.mjs';

const THROUGHPUT = { 'get-512': 2, 'get-64': 1.3, 'get-16': 0.9, 'many-16': 1.5, 'put-512': 1.7 };
/** The JavaScript thread's time an operation, of the best peer's. */
const SCRIPT_TIME = { 'get-512': 0.4, 'get-16': 1 };
const LATENCY_OF_IOREDIS = 1.3;
const MISS_OF_GET = 2.2;

/** The bars of the section: `{ text, limit, measured, value, met }`; none of a shortened run. */
export function redisBars(result) {
  if (!result.bars) return [];
  const { rows } = result;
  const latency = (id, name) => rows[id][name].p50Us;
  return [
    ...Object.entries(THROUGHPUT).map(([id, limit]) => {
      const best = bestPeer(rows[id]);
      const value = rows[id][OWN].perSecond / rows[id][best].perSecond;
      return bar(`${title(scenario(id))}: throughput, of the best peer's (${best})`, '≥', value, limit);
    }),
    ...Object.entries(SCRIPT_TIME).flatMap(([id, limit]) => {
      const best = bestPeer(rows[id]);
      // Only Linux accounts for threads.
      if (rows[id][OWN].scriptUs === null) return [];
      const value = rows[id][OWN].scriptUs / rows[id][best].scriptUs;
      const text = `${title(scenario(id))}: JS thread's CPU time, of the best peer's (${best})`;
      return [bar(text, limit < 1 ? '≤' : '<', value, limit)];
    }),
    bar(
      `${title(scenario('get-1'))}: latency, of ioredis's`,
      '≤',
      latency('get-1', OWN) / latency('get-1', IOREDIS),
      LATENCY_OF_IOREDIS,
    ),
    bar(
      `${title(scenario('remember-1'))}: latency, of a bare \`get\``,
      '≤',
      latency('remember-1', OWN) / latency('get-1', OWN),
      MISS_OF_GET,
    ),
  ];
}

/** The name of the peer with the highest throughput. */
export function bestPeer(row) {
  const peers = Object.keys(row).filter((name) => name !== OWN);
  return peers.reduce((best, name) => (row[name].perSecond > row[best].perSecond ? name : best));
}
