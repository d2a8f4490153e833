/** The command line, and the sizes of a full and of a short run. */
import { parseArgs } from 'node:util';

export const SECTIONS = ['ops', 'native', 'heap', 'overhead', 'redis', 'couchdb', 'tiered'];

export const USAGE = `Usage: node benchmark/run.mjs [options]

  --smoke            a run of a few seconds that proves that the benchmark works; its figures mean nothing
  --only=LIST        some sections alone: ${SECTIONS.join(',')}
  --stall-seconds=N  how long the event loop is watched, for each contender and round (60)
  --json FILE        writes every figure as JSON
  --markdown FILE    writes the tables; between the markers of FILE if it has them`;

const GIB = 1024 ** 3;

const FULL = {
  ops: { keys: 10_000, rounds: 40, warmup: 8 },
  native: { keys: 10_000, rounds: 100, warmup: 10 },
  heap: {
    entries: 1_000_000,
    rounds: 3,
    seconds: 60,
    warmupSeconds: 5,
    maxSizeBytes: 2.5 * GIB,
  },
  overhead: { entries: 1_000_000, rounds: 3, maxSizeBytes: 2.5 * GIB },
  // `scale`: of the operations that a round has.
  redis: { keys: 10_000, rounds: 9, warmup: 2, scale: 1, bars: true },
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
};

const SMOKE = {
  ops: { keys: 1000, rounds: 2, warmup: 1 },
  native: { keys: 1000, rounds: 2, warmup: 1 },
  heap: { ...FULL.heap, entries: 20_000, rounds: 1, seconds: 2, warmupSeconds: 0.2 },
  overhead: { ...FULL.overhead, entries: 20_000, rounds: 1 },
  redis: { keys: 500, rounds: 1, warmup: 0, scale: 0.01, bars: false },
  couchdb: { keys: 200, rounds: 1, warmup: 0, scale: 0.05, bars: false },
  tiered: {
    hits: { keys: 1000, rounds: 2, warmup: 1 },
    news: { samples: 10, warmup: 2 },
    traffic: { ...FULL.tiered.traffic, keys: 1000, entries: 100, operations: 2000, rounds: 1, warmup: 0 },
    bars: false,
  },
};

/** Reads the arguments; throws an error that says what is wrong with them. */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      smoke: { type: 'boolean', default: false },
      only: { type: 'string' },
      'stall-seconds': { type: 'string' },
      json: { type: 'string' },
      markdown: { type: 'string' },
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
    plan.heap.seconds = seconds;
  }
  return {
    plan,
    // In the order of the tables, whatever the order asked.
    sections: SECTIONS.filter((section) => sections.includes(section)),
    smoke: values.smoke,
    // What may stand on a page of results: all that its sections have, in full length.
    complete: (wanted = SECTIONS) =>
      !values.smoke &&
      wanted.length === sections.length &&
      wanted.every((section) => sections.includes(section)) &&
      plan.heap.seconds >= FULL.heap.seconds,
    json: values.json,
    markdown: values.markdown,
    help: values.help,
  };
}
