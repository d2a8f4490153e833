/**
 * What the library promises of its speed and weight, and whether this run kept it. The limits stand
 * here, those of another section in its folder's bars.mjs, and nowhere else; what they are compared
 * with comes from the run.
 */
import { FLOOR } from './contenders.mjs';
import { count, times } from './format.mjs';

const GET_RATIO = 0.35;
const PUT_RATIO = 0.6;
const MISS_OVER_FLOOR_NS = 500;
const NATIVE_RATIO = 10;
const HEAP_SHARE = 0.02;
const STALL_SHARE = 0.2;

const PEERS = ['bentocache', 'keyv', 'cacheable'];

/** Bars are `{ text, limit, measured, value, met }`. */
export const memoryBars = ({ ops, native }) => [...opsBars(ops), ...nativeBars(native)];

function opsBars({ rows }) {
  const ratio = (operation, peer, limit) =>
    atMost(
      `\`${operation}\`${operation === 'get' ? ' hit' : ''}, of ${peer}'s time`,
      rows.ferrocache[operation].median / rows[peer][operation].median,
      limit,
      times,
    );
  return [
    ...PEERS.map((peer) => ratio('get', peer, GET_RATIO)),
    ...PEERS.map((peer) => ratio('put', peer, PUT_RATIO)),
    atMost(
      'a miss, over an awaited resolved promise',
      rows.ferrocache.miss.median - rows[FLOOR].get.median,
      MISS_OVER_FLOOR_NS,
      (value) => `${count(value)} ns`,
    ),
  ];
}

function nativeBars({ rows: { hit, probe } }) {
  const text = "the native call of a hit, of a raw function's call with one string argument";
  return [atMost(text, hit.median / probe.median, NATIVE_RATIO, times)];
}

export function heapBars({ heap }) {
  const { ferrocache, 'lru-cache': lru } = heap.rows;
  return [
    below(
      "growth of the JS heap, of lru-cache's",
      ferrocache.heapBytes / lru.heapBytes,
      HEAP_SHARE,
      (value) => `${(value * 100).toFixed(2)} %`,
    ),
    atMost(
      "longest stall of the event loop, of lru-cache's",
      ferrocache.longestStallMs / lru.longestStallMs,
      STALL_SHARE,
      times,
    ),
  ];
}

function atMost(text, value, limit, show) {
  return { text, limit: `≤ ${show(limit)}`, measured: show(value), value, met: value <= limit };
}

function below(text, value, limit, show) {
  return { text, limit: `< ${show(limit)}`, measured: show(value), value, met: value < limit };
}
