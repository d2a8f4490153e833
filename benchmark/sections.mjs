/**
 * The sections, in the order of the pages. Each is `{ title, run, report, bars, plots }`, and has its sizes in
 * options.mjs and its page in docs/benchmarks/<name>.md:
 *
 *   run(plan, progress)   resolves to the result, or to `{ unavailable }`, why nothing was measured
 *   report(result, plan)  the tables, as Markdown
 *   bars(result, plan)    what is promised, and whether this run kept it
 *   plots(result, plan)   SVG texts by file name
 */
import { heapBars, memoryBars } from './bars.mjs';
import { couchdbBars } from './couchdb/bars.mjs';
import { couchdbReport } from './couchdb/report.mjs';
import { couchdb } from './couchdb/section.mjs';
import { fastifyPlots } from './fastify/plots.mjs';
import { fastifyReport } from './fastify/report.mjs';
import { fastify } from './fastify/section.mjs';
import { heapPlots } from './heap/plots.mjs';
import { heapReport } from './heap/report.mjs';
import { heap } from './heap/section.mjs';
import { hitsBars } from './hits/bars.mjs';
import { hitsPlots } from './hits/plots.mjs';
import { hitsReport } from './hits/report.mjs';
import { hits } from './hits/section.mjs';
import { hotBars } from './hot/bars.mjs';
import { hotPlots } from './hot/plots.mjs';
import { hotReport } from './hot/report.mjs';
import { hot } from './hot/section.mjs';
import { memoryPlots } from './memory/plots.mjs';
import { memoryReport } from './memory/report.mjs';
import { memory } from './memory/section.mjs';
import { redisBars } from './redis/bars.mjs';
import { redisReport } from './redis/report.mjs';
import { redis } from './redis/section.mjs';
import { couchdbPlots, redisPlots } from './remote/plots.mjs';
import { startupPlots } from './startup/plots.mjs';
import { startupReport } from './startup/report.mjs';
import { startup } from './startup/section.mjs';
import { tieredBars } from './tiered/bars.mjs';
import { tieredPlots } from './tiered/plots.mjs';
import { tieredReport } from './tiered/report.mjs';
import { tiered } from './tiered/section.mjs';

const none = () => [];

export const sections = {
  memory: { title: 'Memory', run: memory, report: memoryReport, bars: memoryBars, plots: memoryPlots },
  hot: { title: 'The hot tier', run: hot, report: hotReport, bars: hotBars, plots: hotPlots },
  redis: { title: 'Redis', run: redis, report: redisReport, bars: redisBars, plots: redisPlots },
  tiered: { title: 'Two tiers', run: tiered, report: tieredReport, bars: tieredBars, plots: tieredPlots },
  couchdb: { title: 'CouchDB', run: couchdb, report: couchdbReport, bars: couchdbBars, plots: couchdbPlots },
  heap: { title: 'A large cache', run: heap, report: heapReport, bars: heapBars, plots: heapPlots },
  hits: { title: 'Hit ratios', run: hits, report: hitsReport, bars: hitsBars, plots: hitsPlots },
  fastify: { title: 'A Fastify app', run: fastify, report: fastifyReport, bars: none, plots: fastifyPlots },
  startup: { title: 'Starting', run: startup, report: startupReport, bars: none, plots: startupPlots },
};
