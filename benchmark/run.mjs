#!/usr/bin/env node
/**
 * `npm run bench`: ferrocache beside what a user would pick instead, in one run.
 * See docs/benchmarks.md for what is measured and how.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { bars } from './bars.mjs';
import { couchdbReport } from './couchdb/report.mjs';
import { describeMachine } from './machine.mjs';
import { USAGE, readOptions } from './options.mjs';
import { hasMarkers, sectionsOf, withResults } from './page.mjs';
import { redisReport } from './redis/report.mjs';
import { unavailable } from './redis/server.mjs';
import { report } from './report.mjs';
import { sections } from './sections.mjs';
import { tieredReport } from './tiered/report.mjs';

const options = understood();
const page = options.markdown && existsSync(options.markdown) && readFileSync(options.markdown, 'utf8');
// Said before the run and not after it.
if (page && hasMarkers(page) && !options.complete(sectionsOf(page))) {
  stop(`${options.markdown} takes a run of full length alone, of the sections that its marker names`);
}
if (options.sections.includes('redis') && !options.smoke && unavailable()) {
  stop(`${unavailable()}: install Redis, or choose other sections with --only`);
}

const machine = describeMachine();
const command = ['node benchmark/run.mjs', ...process.argv.slice(2)].join(' ');
// Progress goes to the other stream: what is on the standard output is the report.
const say = (text) => process.stderr.write(`${text}\n`);

const results = {};
for (const name of options.sections) {
  say(`${name} …`);
  results[name] = await sections[name](options.plan[name], (step) => say(`${name}: ${step}`));
}

const { plan, smoke } = options;
const parts = [
  report({ machine, command, smoke, plan, results }),
  redisReport(results.redis, plan.redis),
  couchdbReport(results.couchdb, plan.couchdb),
  tieredReport(results.tiered, plan.tiered),
];
const markdown = parts.filter(Boolean).join('\n');
console.log(markdown);

if (options.json) {
  const data = { machine, command, smoke, plan, bars: bars(results), results };
  writeFileSync(options.json, `${JSON.stringify(data, null, 2)}\n`);
}
if (options.markdown) {
  writeFileSync(options.markdown, page && hasMarkers(page) ? withResults(page, markdown) : markdown);
}

/** The options; ends the process on `--help` and on a mistake. */
function understood() {
  try {
    const read = readOptions(process.argv.slice(2));
    if (!read.help) return read;
  } catch (error) {
    stop(`${error.message}\n\n${USAGE}`);
  }
  console.log(USAGE);
  return process.exit(0);
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
