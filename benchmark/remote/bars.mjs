/** A bar of a remote driver's: a ratio and its limit. */
import { times } from '../format.mjs';

const KEEPS = {
  '≥': (value, limit) => value >= limit,
  '≤': (value, limit) => value <= limit,
  '<': (value, limit) => value < limit,
};

export function bar(text, sign, value, limit) {
  const met = KEEPS[sign](value, limit);
  return { text, limit: `${sign} ${times(limit)}`, measured: times(value), value, met };
}
