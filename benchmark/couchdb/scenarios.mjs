/**
 * What is timed. Every `put` is over a key that exists; `many` and `remember` the driver has alone, and no bar
 * is held against them. `operations` make a round of about half a second for each contender.
 */
import { OWN, PLUGIN } from './contenders.mjs';

const each = (own, plugin) => ({ [OWN]: own, [PLUGIN]: plugin });

export const scenarios = [
  { id: 'get-64', group: 'get-64', operation: 'get', inFlight: 64, operations: each(4000, 1000) },
  { id: 'put-64', group: 'put-64', operation: 'put', inFlight: 64, operations: each(1500, 500) },
  { id: 'get-1', group: 'one', operation: 'get', inFlight: 1, operations: each(500, 500) },
  { id: 'put-1', group: 'one', operation: 'put', inFlight: 1, operations: each(200, 200) },
  { id: 'many-1', group: 'alone', operation: 'many', inFlight: 1, operations: each(40) },
  { id: 'remember-1', group: 'alone', operation: 'remember', inFlight: 1, operations: each(60) },
];

export function scenario(id) {
  const found = scenarios.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`there is no CouchDB scenario "${id}"`);
  return found;
}
