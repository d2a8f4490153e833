/** What the hot tier promises, and whether this run kept it. */
import { FLOOR } from '../contenders.mjs';
import { bar } from '../remote/bars.mjs';
import { SMALL } from './shapes.mjs';

/** A limit of the first call's time divided by the second's. */
const LIMITS = [
  ['`frozen` hit, of an awaited resolved promise', 'frozen', 'get', FLOOR, 1.3],
  ["`frozen` hit, of lru-cache's time", 'frozen', 'get', 'lru-cache', 1],
  ['`copy` hit, of an awaited resolved promise', 'copy', 'get', FLOOR, 4],
  ["`copy` hit, of bentocache's time", 'copy', 'get', 'bentocache', 0.1],
  ['`remember` hit, `frozen`, of `get`', 'frozen', 'remember', 'get', 1.3],
  ['`remember` hit, `copy`, of `get`', 'copy', 'remember', 'get', 1.3],
];

/** The bars of the section: `{ text, limit, measured, value, met }`; none of a shortened run. */
export function hotBars({ isolations, bars }) {
  if (!bars) return [];
  return LIMITS.map(([text, isolation, part, whole, limit]) => {
    const rows = isolations[isolation][SMALL];
    return bar(text, '≤', rows[part].median / rows[whole].median, limit);
  });
}
