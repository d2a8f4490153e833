/** The section: each start in a process of its own, in turn; and what is installed. */
import { run } from '../child.mjs';
import { versions } from '../contenders.mjs';
import { median } from '../statistics.mjs';
import { shuffled } from '../values.mjs';
import { contenders } from './contenders.mjs';
import { installed, installedOwn } from './install.mjs';

const OWN = 'ferrocache';

/** Resolves to `{ rows: { [contender]: { requireMs, firstUseMs, residentBytes, install } } }`, medians over the starts. */
export async function startup({ starts, installPeers }, progress) {
  const answers = Object.fromEntries(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < starts; round += 1) {
    progress(`start ${round + 1} of ${starts}`);
    for (const at of shuffled(contenders.length, round + 1)) {
      const { name } = contenders[at];
      const answer = await run('startup/start.mjs', { name });
      // The first of all warms the disk's cache for the others.
      if (round > 0 || starts === 1) answers[name].push(answer);
    }
  }
  const packages = versions();
  const rows = {};
  for (const { name } of contenders) {
    if (name === OWN || installPeers) progress(`installing ${name}`);
    rows[name] = { ...medians(answers[name]), install: sizeOf(name, packages[name], installPeers) };
  }
  return { rows };
}

function sizeOf(name, version, installPeers) {
  if (name === OWN) return installedOwn();
  return installPeers ? installed(name, version) : null;
}

const medians = (answers) =>
  Object.fromEntries(
    Object.keys(answers[0]).map((field) => [field, median(answers.map((row) => row[field]))]),
  );
