// Writes, expiries and steps of counters on a few keys, on the CouchDB that COUCHDB_URL names with the credentials of a
// server admin: its database must not grow. Not part of `npm test`:
//
//   COUCHDB_URL=http://admin:password@127.0.0.1:5984 node scripts/couchdb-soak.mjs [writes]

import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const { Cache } = require('../index.js');
const { request } = require('../__test__/couchdb/support/client.js');
const { until } = require('../__test__/support/wait.js');

const { COUCHDB_URL: url } = process.env;
if (!url) {
  console.error('COUCHDB_URL must name a server, with the credentials of a server admin');
  process.exit(2);
}

/** Writes of all kinds. */
const TOTAL = Number(process.argv[2] ?? 30_000);
const ROUNDS = 60;
/** Rounds from one compaction to the next. */
const COMPACTED = 6;
const KEYS = 60;
const COUNTERS = 20;
const TAGS = 5;
const TOGETHER = 50;
const KIBIBYTE = 1024;
/** By how much compacted sizes may differ: a block more or less, and how much has just expired. */
const GROWTH = 1.2;
const SLACK = 32 * KIBIBYTE;

const database = `soak-${randomBytes(6).toString('hex')}`;
const ask = async (method, path, body) => {
  const { status, body: answer } = await request(url, method, `/${database}${path}`, body);
  if (status >= 400) throw new Error(`${method} ${path}: ${status} ${answer?.reason ?? ''}`);
  return answer;
};
const pick = (prefix, count) => `${prefix}${Math.floor(Math.random() * count)}`;
/** Seconds: some expire while they are written over, some are found by reads, the rest by the sweep. */
const LONGEST = 0.3;
const shortTtl = () => LONGEST * (0.1 + 0.9 * Math.random());

const KINDS = [
  [60, (cache) => cache.put(pick('k', KEYS), { at: Date.now(), text: 'x'.repeat(100) }, shortTtl())],
  [20, (cache) => cache.increment(pick('n', COUNTERS), 1, shortTtl())],
  [8, (cache) => cache.tags([pick('t', TAGS)]).put(pick('k', KEYS), 'tagged', shortTtl())],
  [6, (cache) => cache.remember(pick('r', KEYS), shortTtl(), () => 'computed')],
  [4, (cache) => cache.forget(pick('k', KEYS))],
  [1, (cache) => cache.tags([pick('t', TAGS)]).flush()],
  [1, async (cache) => (await cache.lock(pick('l', TAGS), { ttl: 1, maxRetries: 0 })).release?.()],
];
const SUM = KINDS.reduce((sum, [weight]) => sum + weight, 0);

function write(cache) {
  let at = Math.random() * SUM;
  const [, kind] = KINDS.find(([weight]) => (at -= weight) < 0) ?? KINDS[0];
  return kind(cache);
}

async function round(cache, count) {
  for (let done = 0; done < count; done += TOGETHER) {
    await Promise.all(Array.from({ length: Math.min(TOGETHER, count - done) }, () => write(cache)));
    await cache.many(Array.from({ length: 10 }, (_, key) => `k${key}`));
  }
}

/** Has reads find that values have expired, as they do in an app. */
async function expire(cache) {
  await sleep(LONGEST * 1000 + 10);
  await cache.many(['k', 'r'].flatMap((kind) => Array.from({ length: KEYS }, (_, key) => `${kind}${key}`)));
}

/** Resolves when the sweep has found all that has expired. */
async function swept() {
  const path = `/_design/cache/_view/expired?limit=1&endkey=${Date.now()}`;
  await until('what has expired is swept', async () => (await ask('GET', path)).rows.length === 0, {
    limit: 60_000,
    every: 100,
  });
}

const viewInfo = async () => (await ask('GET', '/_design/cache/_info')).view_index;

async function compact() {
  await ask('POST', '/_compact', {});
  await ask('POST', '/_compact/cache', {});
  const over = async () => !(await ask('GET', '')).compact_running && !(await viewInfo()).compact_running;
  await until('the database is compacted', over, { limit: 120_000, every: 100 });
}

/** The documents whose purges CouchDB remembers until a compaction, at most: so much a database does grow. */
async function remembered() {
  const { cluster } = await ask('GET', '');
  return cluster.q * (await ask('GET', '/_purged_infos_limit'));
}

async function sample(cache, writes, compacted) {
  const { sizes, doc_count: documents, doc_del_count: tombstones } = await ask('GET', '');
  const { file, active } = sizes;
  const view = (await viewInfo()).sizes.file;
  const { expirations: purged } = await cache.stats();
  const kib = (bytes) => `${Math.round(bytes / KIBIBYTE)} KiB`.padStart(9);
  console.log(
    `${String(writes).padStart(6)} writes, ${String(purged).padStart(5)} purged${compacted ? ', compacted' : ' '.repeat(11)}: ` +
      `file ${kib(file)}, active ${kib(active)}, view ${kib(view)}, ${documents} documents, ${tombstones} tombstones`,
  );
  return { writes, purged, file, active, view, documents, tombstones };
}

/** What has grown since the first sample. */
function grown(first, last) {
  const sizes = ['file', 'active', 'view'].filter((name) => last[name] > first[name] * GROWTH + SLACK);
  const most = KEYS * 2 + COUNTERS + TAGS * 2 + 2;
  return [
    ...sizes,
    ...(last.documents > most ? ['documents'] : []),
    ...(last.tombstones > first.tombstones ? ['tombstones'] : []),
  ];
}

const cache = new Cache({
  driver: 'couchdb',
  failOpen: false,
  config: { url, database, sweep: '1s', leaseTtl: '150ms' },
});
const began = performance.now();
try {
  await cache.ready();
  const enough = (await remembered()) * 1.1;
  const samples = [];
  for (let number = 1; number <= ROUNDS; number += 1) {
    await round(cache, TOTAL / ROUNDS);
    await expire(cache);
    const compacted = number % COMPACTED === 0;
    if (compacted) {
      await swept();
      await compact();
    }
    if (compacted || number % COMPACTED === COMPACTED / 2) {
      const taken = await sample(cache, Math.round((TOTAL / ROUNDS) * number), compacted);
      if (compacted && taken.purged >= enough) samples.push(taken);
    }
  }
  if (samples.length < 2) throw new Error(`too few writes: ${enough} documents must be purged twice over`);
  const [first, ...rest] = samples;
  const last = rest[rest.length - 1];
  const kib = (bytes) => `${Math.round(bytes / KIBIBYTE)} KiB`;
  const told = ({ file, active, writes }) => `${kib(file)} (${kib(active)} active) after ${writes} writes`;
  console.log(
    `${TOTAL} writes and ${last.purged} expired documents in ${Math.round((performance.now() - began) / 1000)} s; ` +
      `compacted ${told(first)}, ${told(last)}; ${last.documents} documents, ${last.tombstones} tombstones`,
  );
  const growing = new Set(rest.flatMap((each) => grown(first, each)));
  if (growing.size > 0) {
    console.error(`it grows: ${[...growing].join(', ')}`);
    process.exitCode = 1;
  }
} finally {
  await cache.close();
  await request(url, 'DELETE', `/${database}`);
}
