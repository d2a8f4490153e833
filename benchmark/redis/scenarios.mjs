/**
 * What is timed: an operation and how many of them are in flight at once.
 *
 * `operations` makes a round of a second or less. Scenarios of one group are interleaved with each
 * other too, because a bar compares them.
 */

export const scenarios = [
  { id: 'get-1', group: 'one', operation: 'get', inFlight: 1, operations: 5000 },
  { id: 'remember-1', group: 'one', operation: 'remember', inFlight: 1, operations: 3000 },
  { id: 'get-16', group: 'get-16', operation: 'get', inFlight: 16, operations: 50_000 },
  { id: 'get-64', group: 'get-64', operation: 'get', inFlight: 64, operations: 80_000 },
  { id: 'get-512', group: 'get-512', operation: 'get', inFlight: 512, operations: 120_000 },
  { id: 'recall-16', group: 'get-16', operation: 'recall', inFlight: 16, operations: 50_000 },
  { id: 'recall-512', group: 'get-512', operation: 'recall', inFlight: 512, operations: 120_000 },
  { id: 'remember-512', group: 'get-512', operation: 'remember', inFlight: 512, operations: 50_000 },
  { id: 'many-1', group: 'many-1', operation: 'many', inFlight: 1, operations: 1000 },
  { id: 'many-16', group: 'many-16', operation: 'many', inFlight: 16, operations: 2000 },
  { id: 'put-512', group: 'put-512', operation: 'put', inFlight: 512, operations: 80_000 },
];

export function scenario(id) {
  const found = scenarios.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`there is no Redis scenario "${id}"`);
  return found;
}
