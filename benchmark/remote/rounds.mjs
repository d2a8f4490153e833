/**
 * Asks one contender's process after the other for a round, while the others idle. In each round every
 * contender of a group runs once.
 */
import { median } from '../statistics.mjs';
import { shuffled } from '../values.mjs';
import { MANY, title } from './scenarios.mjs';

/**
 * Resolves to `{ [scenario]: { [contender]: figures of each round } }`.
 *
 * `counters()` resolves to what the server has counted so far, and `least(operation, operations)` names
 * one of the counters and by how much a round makes it grow.
 */
export async function measure(scenarios, clients, { rounds, warmup, scale, counters, least }, progress) {
  const all = {};
  for (const group of groupsOf(scenarios)) {
    progress(group.map(title).join('; '));
    const tasks = tasksOf(group, clients, scale);
    await interleave(tasks, { rounds, warmup, counters, least });
    for (const { scenario, client, figures } of tasks) {
      (all[scenario.id] ??= {})[client.name] = figures;
    }
  }
  return all;
}

/** Of what `measure` resolves to: every figure the median of its values in the rounds. */
export const mediansOf = (all) => mapValues(all, (byName) => mapValues(byName, medians));

function groupsOf(scenarios) {
  const names = [...new Set(scenarios.map(({ group }) => group))];
  return names.map((name) => scenarios.filter(({ group }) => group === name));
}

function tasksOf(group, clients, scale) {
  return group.flatMap((scenario) =>
    clients
      .filter(({ offers }) => offers.includes(scenario.operation))
      .map((client) => ({
        scenario,
        client,
        operations: Math.max(2 * scenario.inFlight, Math.round(operationsOf(scenario, client) * scale)),
        figures: [],
      })),
  );
}

/** A number for all, or one for each contender where they are too far apart for rounds of one length. */
const operationsOf = ({ operations }, { name }) => operations[name] ?? operations;

async function interleave(tasks, { rounds, warmup, counters, least }) {
  for (let round = -warmup; round < rounds; round += 1) {
    // Another order in each round: in a rotation everybody would always run after the same neighbour,
    // and pay for what that one leaves behind.
    for (const at of shuffled(tasks.length, round + warmup + 1)) {
      const { scenario, client, operations, figures } = tasks[at];
      const answer = await proved({ counters, least }, scenario, client, operations);
      if (round >= 0) figures.push(answer);
    }
  }
}

/** Runs a round, and asks the server whether it was what it was to be: no misses, nothing left out. */
async function proved({ counters, least }, { id, operation }, client, operations) {
  const before = await counters();
  const answer = await client.ask('run', { scenario: id, operations });
  const after = await counters();
  const [name, wanted] = least(operation, operation === 'many' ? operations * MANY : operations);
  const grew = Number(after[name]) - Number(before[name]);
  if (!(grew >= wanted)) {
    throw new Error(`${client.name}, ${id}: ${name} grew by ${grew}, not by ${wanted}`);
  }
  return answer;
}

function medians(answers) {
  return mapValues(answers[0], (_, field) => {
    const figures = answers.map((answer) => answer[field]);
    return figures.includes(null) ? null : median(figures);
  });
}

const mapValues = (record, change) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
