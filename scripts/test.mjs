// `npm test`: installs, builds, and runs every check, from a fresh clone too.
//
//   npm test                           everything; one failure does not hide the next
//   npm test -- --only=js              the checks of a group: setup, rust, js, lint, test
//   npm test -- --only=eslint,api      single checks; nothing is installed or built for them

import { checks } from './checks.mjs';
import { missingPrerequisites } from './prerequisites.mjs';
import { interruptedBy } from './run.mjs';

const selected = select(process.argv.slice(2));

const missing = missingPrerequisites(selected.flatMap((check) => check.prerequisites ?? []));
if (missing.length > 0) {
  for (const line of missing) console.error(line);
  process.exit(1);
}

const results = new Map();
for (const check of selected) {
  const started = performance.now();
  console.log(`\n=== ${check.name}`);
  const failure = await outcome(check);
  const seconds = (performance.now() - started) / 1000;
  results.set(check.name, { failure, seconds });
  if (interruptedBy() !== null) stop(`stopped by ${interruptedBy()}`);
  console.log(`--- ${check.name}: ${failure === null ? 'passed' : 'FAILED'} in ${seconds.toFixed(1)} s`);
}

console.log('');
for (const [name, { failure, seconds }] of results) {
  const word = failure === null ? 'passed' : 'FAILED';
  console.log(
    `${word}  ${name.padEnd(14)} ${seconds.toFixed(1).padStart(7)} s${failure ? `  ${failure}` : ''}`,
  );
}
const failed = [...results.values()].filter(({ failure }) => failure !== null).length;
console.log(`checks: ${results.size - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** Why the check failed, or `null`. */
async function outcome(check) {
  const broken = (check.needs ?? []).filter((name) => results.get(name)?.failure);
  if (broken.length > 0) return report(`not run, because of: ${broken.join(', ')}`);
  try {
    const code = await check.run();
    return code === 0 ? null : `exit code ${code}`;
  } catch (error) {
    return report(error.message);
  }
}

function report(failure) {
  console.error(failure);
  return failure;
}

function select(args) {
  let only = null;
  for (const argument of args) {
    if (argument.startsWith('--only=')) only = argument.slice('--only='.length).split(',');
    else stop(`unknown argument: ${argument}`);
  }
  if (only === null) return checks;
  const known = new Set(checks.flatMap(({ name, groups }) => [name, ...groups]));
  for (const name of only) {
    if (!known.has(name)) stop(`unknown check: ${name} (there are: ${[...known].join(', ')})`);
  }
  return checks.filter(({ name, groups }) => [name, ...groups].some((word) => only.includes(word)));
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
