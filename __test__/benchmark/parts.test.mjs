// The parts of the benchmark that reckon, read and draw. That it runs is proved by `npm run bench -- --smoke`.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { hitsBars } from '../../benchmark/hits/bars.mjs';
import { generated } from '../../benchmark/hits/generated.mjs';
import { traces } from '../../benchmark/hits/traces.mjs';
import { withOmitted } from '../../benchmark/http/load.mjs';
import { readOptions } from '../../benchmark/options.mjs';
import { withResults } from '../../benchmark/page.mjs';
import { barPlot } from '../../benchmark/plots/bars.mjs';
import { linePlot } from '../../benchmark/plots/lines.mjs';
import { short, ticks } from '../../benchmark/plots/svg.mjs';

test('traces are read from gzip and plain text, and their keys are numbered as they come up', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ferrocache-traces-'));
  try {
    writeFileSync(path.join(folder, 'b.keys.gz'), gzipSync('x\ny\nx\n'));
    writeFileSync(path.join(folder, 'a.keys'), 'one\n\ntwo\none');
    writeFileSync(path.join(folder, 'README.md'), 'no trace');
    assert.deepEqual(
      traces(folder).map(({ name, keys }) => [name, ...keys]),
      [
        ['a', 0, 1, 2, 0],
        ['b', 0, 1, 0],
      ],
    );
    rmSync(path.join(folder, 'b.keys.gz'));
    rmSync(path.join(folder, 'a.keys'));
    assert.throws(() => traces(folder), /holds no trace/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('generated workloads are the same each time, and ask for no key that there is not', () => {
  const sizes = { keys: 100, requests: 1000, loopKeys: 50 };
  const [first, second] = [generated(sizes), generated(sizes)];
  assert.deepEqual(first, second);
  for (const { name, keys } of first) {
    assert.equal(keys.length, sizes.requests, name);
    assert.ok(Math.max(...keys) < sizes.keys, name);
  }
});

test('a policy that keeps less than the reference misses its bar', () => {
  const workload = (tinylfu) => ({
    workloads: [
      {
        name: 'web07',
        title: 'web07',
        recorded: true,
        ratios: { lru: [0.391, 0.557], tinylfu, 'lru-cache': [0.391, 0.557] },
      },
    ],
    shares: [0.01, 0.1],
  });
  const met = (result) => hitsBars(result).map((bar) => bar.met);
  assert.deepEqual(met(workload([0.392, 0.55])), [true, true, true]);
  assert.deepEqual(met(workload([0.392, 0.54])), [true, true, false]);
});

test('requests that were not sent while one was waited for are reckoned in', () => {
  assert.deepEqual(
    withOmitted([1, 1, 1, 4]).sort((a, b) => a - b),
    [1, 1, 1, 1, 2, 3, 4],
  );
});

test('results take the place between the markers of a page, and of no page without them', () => {
  const page =
    'a\n\n<!-- results: written by `npm run bench -- --only=x` -->\n\nold\n\n<!-- /results -->\n\nb\n';
  const filled = withResults(page, '\nnew\n');
  assert.equal(filled, page.replace('old', 'new'));
  assert.equal(withResults(filled, 'old'), page);
  assert.throws(() => withResults('a page', 'new'), /no markers/);
});

test('plots hold their labels and values, escaped, and follow the scheme of the reader', () => {
  const bars = barPlot({
    title: 'A <plot>',
    groups: [
      {
        title: 'g',
        unit: 'ns & more',
        rows: [
          { label: 'own', value: 5, kind: 'own' },
          { label: 'absent', value: NaN, kind: 'peer' },
        ],
      },
    ],
  });
  assert.match(bars, /^<svg [^>]*aria-label="A &lt;plot&gt;"/);
  assert.match(bars, /ns &amp; more/);
  assert.doesNotMatch(bars, /absent|NaN/);
  const lines = linePlot({
    title: 't',
    stepsTitle: 'size',
    valuesTitle: 'hits',
    steps: ['1 %', '2 %'],
    panels: [{ title: 'p', series: [{ name: 'lru', values: [1, 2] }] }],
  });
  for (const svg of [bars, lines]) {
    assert.match(svg, /@media \(prefers-color-scheme:dark\)/);
    assert.doesNotMatch(svg, /NaN|undefined/);
  }
  assert.match(lines, /1 %.*2 %/s);
});

test('axes end at or above the greatest value, in round steps', () => {
  for (const most of [0.3, 1, 7, 99, 100, 101, 45_000]) {
    const marks = ticks(most);
    assert.equal(marks[0], 0);
    assert.ok(marks.at(-1) >= most && marks.at(-2) < most, `${most}: ${marks}`);
  }
  assert.deepEqual([950, 2500, 1.5e6].map(short), ['950', '2.5 k', '1.5 M']);
});

test('sections are chosen by name, and a misspelt one is an error that names them all', () => {
  assert.deepEqual(readOptions(['--only=heap,memory']).sections, ['memory', 'heap']);
  assert.throws(() => readOptions(['--only=memroy']), /--only knows memory, .*, not "memroy"/);
  assert.equal(readOptions(['--traces=x']).plan.hits.traceFolder, path.resolve('x'));
});
