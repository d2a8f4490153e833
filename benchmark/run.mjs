#!/usr/bin/env node
/**
 * `npm run bench`: ferrocache beside what a user would pick instead, in one run.
 * See docs/benchmarks/README.md for what is measured and how.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describeMachine } from './machine.mjs';
import { USAGE, readOptions } from './options.mjs';
import { PAGES, writeSection, writeSummary } from './pages.mjs';
import { heading } from './report.mjs';
import { sections } from './sections.mjs';

const options = understood();
// A folder's place on this machine is nobody else's business.
const given = process.argv
  .slice(2)
  .join(' ')
  .replaceAll(/--(traces|out)[= ]\S+/g, '--$1=DIR');
const command = given ? `npm run bench -- ${given}` : 'npm run bench';
// Progress goes to the other stream: what is on the standard output is the report.
const say = (text) => process.stderr.write(`${text}\n`);

// What a short run writes is worth nothing, but that it can be written is a part of what it proves.
const passing = options.smoke && !options.out && mkdtempSync(path.join(tmpdir(), 'ferrocache-bench-'));
const out = options.out ?? (passing || PAGES);
mkdirSync(out, { recursive: true });

const failed = [];
const began = performance.now();
for (const name of options.sections) {
  try {
    await section(name, sections[name], options.plan[name]);
  } catch (error) {
    // One that fails does not take the others with it.
    say(`${name}: ${error.stack ?? error}`);
    failed.push(name);
  }
}
writeSummary(out);
if (passing) rmSync(passing, { recursive: true });
else say(`written to ${out}`);
say(`${((performance.now() - began) / 1000).toFixed(0)} s in all`);
if (failed.length > 0) stop(`failed: ${failed.join(', ')}`);

async function section(name, { run, report, bars, plots }, plan) {
  say(`${name} …`);
  const machine = describeMachine();
  const start = performance.now();
  const result = await run(plan, (step) => say(`${name}: ${step}`));
  const seconds = (performance.now() - start) / 1000;
  if (result.unavailable) {
    say(`${name}: not measured: ${result.unavailable}`);
    if (options.named) failed.push(name);
    return;
  }
  const { smoke } = options;
  const held = bars(result, plan);
  const head = heading({ machine, command, smoke, seconds, bars: held });
  const markdown = `${head}\n\n${report(result, plan).trim()}`;
  const { traceFolder, ...sizes } = plan;
  const data = { section: name, machine, command, smoke, seconds, plan: sizes, bars: held, result };
  writeSection(out, name, { data, markdown, plots: plots(result, plan) });
  console.log(`## ${sections[name].title}\n\n${markdown}\n`);
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
