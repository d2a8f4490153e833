/** The command line, and the sizes of a full and of a short run. */
import path from 'node:path';
import { parseArgs } from 'node:util';

import { sections as known } from './sections.mjs';

export const SECTIONS = Object.keys(known);

export const USAGE = `Usage: node benchmark/run.mjs [options]

  --only=LIST        some sections alone: ${SECTIONS.join(',')}
  --traces=DIR       hits: recorded accesses too, files with one key a line (name.keys.gz)
  --stall-seconds=N  heap: how long the event loop is watched, for each contender and round (60)
  --out=DIR          where the results are written (docs/benchmarks)
  --smoke            a run of some seconds that proves that the benchmark works; its figures mean
                     nothing, and are written only where --out says`;

const GIB = 1024 ** 3;

const FULL = {
  memory: {
    ops: { keys: 10_000, rounds: 40, warmup: 8 },
    tagged: { keys: 10_000, rounds: 16, warmup: 4, flushRounds: 16 },
    native: { keys: 10_000, rounds: 100, warmup: 10 },
  },
  hot: {
    hits: { keys: 10_000, rounds: 40, warmup: 10 },
    threads: { keys: 50_000, rounds: 3, seconds: 1 },
    bars: true,
  },
  // `scale`: of the operations that a round has.
  redis: { keys: 10_000, rounds: 7, warmup: 1, scale: 0.5, bars: true },
  couchdb: { keys: 1000, rounds: 7, warmup: 1, scale: 1, bars: true },
  tiered: {
    hits: { keys: 10_000, rounds: 40, warmup: 8 },
    news: { samples: 1000, warmup: 100 },
    traffic: {
      keys: 100_000,
      entries: 10_000,
      writes: 0.05,
      inFlight: 16,
      operations: 60_000,
      rounds: 5,
      warmup: 1,
    },
    bars: true,
  },
  heap: {
    heap: {
      entries: 1_000_000,
      rounds: 3,
      // The bar says so: full collections come with the amount of garbage, and fifteen seconds may see none.
      seconds: 60,
      warmupSeconds: 2,
      routeSeconds: 5,
      maxSizeBytes: 2.5 * GIB,
    },
    overhead: { entries: 1_000_000, rounds: 1, maxSizeBytes: 2.5 * GIB },
  },
  hits: { shares: [0.01, 0.05, 0.1, 0.25], keys: 50_000, requests: 300_000, loopKeys: 10_000 },
  fastify: { ids: 10_000, connections: 50, rounds: 3, seconds: 3, warmupSeconds: 2 },
  startup: { starts: 11, installPeers: true },
};

const SMOKE = {
  memory: {
    ops: { keys: 1000, rounds: 2, warmup: 1 },
    tagged: { keys: 1000, rounds: 1, warmup: 1, flushRounds: 1 },
    native: { keys: 1000, rounds: 2, warmup: 1 },
  },
  hot: {
    hits: { keys: 1000, rounds: 2, warmup: 1 },
    threads: { keys: 1000, rounds: 1, seconds: 0.1 },
    bars: false,
  },
  redis: { keys: 500, rounds: 1, warmup: 0, scale: 0.01, bars: false },
  couchdb: { keys: 200, rounds: 1, warmup: 0, scale: 0.05, bars: false },
  tiered: {
    hits: { keys: 1000, rounds: 2, warmup: 1 },
    news: { samples: 10, warmup: 2 },
    traffic: { ...FULL.tiered.traffic, keys: 1000, entries: 100, operations: 2000, rounds: 1, warmup: 0 },
    bars: false,
  },
  heap: {
    heap: {
      ...FULL.heap.heap,
      entries: 10_000,
      rounds: 1,
      seconds: 0.5,
      warmupSeconds: 0.1,
      routeSeconds: 0.5,
    },
    overhead: { ...FULL.heap.overhead, entries: 10_000, rounds: 1 },
  },
  hits: { shares: [0.01, 0.1], keys: 1000, requests: 5000, loopKeys: 500 },
  fastify: { ids: 100, connections: 5, rounds: 1, seconds: 0.5, warmupSeconds: 0.5 },
  startup: { starts: 1, installPeers: false },
};

/** Reads the arguments; throws an error that says what is wrong with them. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      smoke: { type: 'boolean', default: false },
      only: { type: 'string' },
      'stall-seconds': { type: 'string' },
      traces: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const sections = values.only === undefined ? SECTIONS : values.only.split(',');
  for (const section of sections) {
    if (!SECTIONS.includes(section)) {
      throw new TypeError(`--only knows ${SECTIONS.join(', ')}, not "${section}"`);
    }
  }
  const plan = structuredClone(values.smoke ? SMOKE : FULL);
  if (values['stall-seconds'] !== undefined) {
    const seconds = Number(values['stall-seconds']);
    if (!(seconds > 0)) throw new TypeError('--stall-seconds takes a number of seconds');
    plan.heap.heap.seconds = seconds;
  }
  // Child programs are started elsewhere.
  if (values.traces !== undefined) plan.hits.traceFolder = path.resolve(values.traces);
  return {
    plan,
    // In the order of the pages, whatever the order asked.
    sections: SECTIONS.filter((section) => sections.includes(section)),
    // What is asked for by name must be measured; what is a part of everything may be left out.
    named: values.only !== undefined,
    smoke: values.smoke,
    out: values.out && path.resolve(values.out),
    help: values.help,
  };
}
