/**
 * What a run leaves behind, in docs/benchmarks or wherever `--out` says: for each section that was measured
 * `<section>/results.json`, its plots beside it, and the page `<section>.md`; and the summary in README.md, of
 * all sections that have results there. The pages' text is written by hand; a run fills the places between
 * their markers.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { count, table } from './format.mjs';
import { withResults } from './page.mjs';
import { sections } from './sections.mjs';

export const PAGES = fileURLToPath(new URL('../docs/benchmarks', import.meta.url));

const RESULTS = 'results.json';

/** Writes one section; `data` is what stands in its JSON, `markdown` what stands on its page below the plots. */
export function writeSection(out, name, { data, markdown, plots }) {
  const folder = path.join(out, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, RESULTS), `${JSON.stringify(data, brief, 1)}\n`);
  for (const [file, svg] of Object.entries(plots)) writeFileSync(path.join(folder, file), svg);
  const images = Object.keys(plots).map((file) => `![${titleOf(plots[file])}](${name}/${file})`);
  writePage(out, `${name}.md`, [...images, markdown].join('\n\n'));
}

/** Writes the summary of all sections of which there are results. */
export function writeSummary(out) {
  const present = Object.keys(sections).filter((name) => existsSync(path.join(out, name, RESULTS)));
  const all = present.map((name) => {
    const { machine, seconds, bars } = JSON.parse(readFileSync(path.join(out, name, RESULTS), 'utf8'));
    return { name, machine, seconds, bars };
  });
  const missed = all.flatMap(({ name, bars }) =>
    bars
      .filter(({ met }) => !met)
      .map((bar) => [`${sections[name].title}: ${bar.text}`, bar.limit, bar.measured]),
  );
  const rows = all.map(({ name, machine, seconds, bars }) => [
    `[${sections[name].title}](${name}.md)`,
    bars.length === 0 ? '–' : `${bars.filter(({ met }) => met).length} of ${bars.length}`,
    `${count(seconds)} s`,
    machine.date,
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
  ]);
  const parts = [
    table(['section', 'bars met', 'took', 'measured on', 'machine'], rows),
    missed.length > 0 && 'Bars that were missed:',
    missed.length > 0 && table(['what', 'bar', 'measured'], missed),
  ];
  writePage(out, 'README.md', parts.filter(Boolean).join('\n\n'));
}

function writePage(out, file, results) {
  const own = path.join(out, file);
  const page = readFileSync(existsSync(own) ? own : path.join(PAGES, file), 'utf8');
  writeFileSync(own, withResults(page, results));
}

const titleOf = (svg) => /aria-label="([^"]*)"/.exec(svg)[1];

/** More digits than a machine can measure make files long and their changes unreadable. */
const brief = (_, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
