/** What the tiered driver promises, and whether this run kept it. */
import { ms } from '../format.mjs';
import { bar } from '../remote/bars.mjs';
import { OWN } from './contenders.mjs';

const HIT_OF_MEMORY = 1.1;
const NEWS_P50_MS = 1;
const NEWS_P99_MS = 10;

/** The bars of the section: `{ text, limit, measured, value, met }`; none of a shortened run. */
export function tieredBars(result) {
  if (!result?.bars) return [];
  const { hits, news } = result;
  const hit = (kind) => hits[`tiered ${kind}`].median / hits[`memory ${kind}`].median;
  const within = (text, value, limit) => ({
    text,
    limit: `≤ ${ms(limit)}`,
    measured: ms(value),
    value,
    met: value <= limit,
  });
  const text = 'tiered, from `put` on one instance to the new value on another';
  return [
    bar("tiered, a hit in memory: time, of the memory driver's", '≤', hit('plain'), HIT_OF_MEMORY),
    bar("tiered, a tagged hit in memory: time, of the memory driver's", '≤', hit('tagged'), HIT_OF_MEMORY),
    within(`${text}: p50`, news[OWN].p50Ms, NEWS_P50_MS),
    within(`${text}: p99`, news[OWN].p99Ms, NEWS_P99_MS),
  ];
}
