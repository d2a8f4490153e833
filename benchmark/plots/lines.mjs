/** Lines over a few steps of something: panels side by side with one legend. */
import { FONT_PX, drawing, line, mark, polyline, roomFor, short, text, ticks } from './svg.mjs';

const WIDTH = 860;
const MARGIN = 18;
const PANEL = 210;
const LEFT = 52;
const HEAD = 30;
const FOOT = 46;

/**
 * `panels` are `{ title, series: [{ name, values }] }` with one value for each of `steps`, which are labels
 * in equal distances. `most` is the top of every axis; without it each panel has its own.
 */
export function linePlot({ title, stepsTitle, valuesTitle, steps, panels, most, columns = 2 }) {
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))];
  const width = (WIDTH - MARGIN * (columns + 1)) / columns;
  const parts = [text(MARGIN, MARGIN + 10, title, { type: 'text title' }), ...legend(names, MARGIN + 34)];
  const first = MARGIN + 46;
  for (const [at, panel] of panels.entries()) {
    const left = MARGIN + (at % columns) * (width + MARGIN);
    const top = first + Math.floor(at / columns) * (PANEL + HEAD + FOOT);
    parts.push(...panelParts(panel, { left, top, width, steps, stepsTitle, valuesTitle, most, names }));
  }
  const height = first + Math.ceil(panels.length / columns) * (PANEL + HEAD + FOOT) + MARGIN / 2;
  return drawing({ width: WIDTH, height, label: title }, parts);
}

function legend(names, y) {
  let x = MARGIN + 6;
  return names.flatMap((name, series) => {
    const place = x;
    x += roomFor([name]) + 40;
    return [mark(place, y - 4, series), text(place + 12, y, name)];
  });
}

function panelParts({ title, series }, { left, top, width, steps, stepsTitle, valuesTitle, most, names }) {
  const start = left + LEFT;
  const room = width - LEFT - 12;
  const first = top + HEAD;
  const bottom = first + PANEL;
  const marks = ticks(most ?? Math.max(...series.flatMap(({ values }) => values)));
  const across = (at) => start + 14 + (steps.length === 1 ? 0 : (at / (steps.length - 1)) * (room - 28));
  const up = (value) => bottom - (value / marks.at(-1)) * PANEL;
  return [
    text(left, top + 18, title, { type: 'text strong' }),
    ...marks.flatMap((value) => [
      line(start, up(value), start + room, up(value), 'grid'),
      text(start - 6, up(value) + 4, short(value), { type: 'faint', anchor: 'end' }),
    ]),
    text(left + 10, (first + bottom) / 2, valuesTitle, { type: 'faint', anchor: 'middle', turned: true }),
    ...steps.map((step, at) =>
      text(across(at), bottom + FONT_PX + 4, step, { type: 'faint', anchor: 'middle' }),
    ),
    text(start + room / 2, bottom + 2 * FONT_PX + 6, stepsTitle, { type: 'faint', anchor: 'middle' }),
    line(start, bottom, start + room, bottom, 'axis'),
    line(start, first, start, bottom, 'axis'),
    // The first is ours and is drawn last, on top.
    ...series.toReversed().map(({ name, values }) =>
      polyline(
        values.map((value, at) => [across(at), up(value)]),
        names.indexOf(name),
      ),
    ),
  ];
}
