/** Bars that lie: one group below the other, each with an axis of its own from zero. */
import { FONT_PX, drawing, line, rect, roomFor, short, text, ticks } from './svg.mjs';

const WIDTH = 860;
const MARGIN = 18;
const ROW = 22;
const BAR = 15;
const HEAD = 30;
const FOOT = 44;
const VALUE_ROOM = 76;

/**
 * `groups` are `{ title, unit, rows }`, where a row is `{ label, value, shown?, kind }` and the kind is
 * `own`, `peer` or `floor`. Rows without a value are left out. Groups stand in `columns` columns.
 */
export function barPlot({ title, groups, columns = 2 }) {
  const filled = groups.map((group) => ({
    ...group,
    rows: group.rows.filter(({ value }) => Number.isFinite(value)),
  }));
  const width = (WIDTH - MARGIN * (columns + 1)) / columns;
  const lines = [];
  for (let at = 0; at < filled.length; at += columns) lines.push(filled.slice(at, at + columns));
  let top = MARGIN + 24;
  const parts = [text(MARGIN, MARGIN + 10, title, { type: 'text title' })];
  for (const groupsOfLine of lines) {
    for (const [at, group] of groupsOfLine.entries()) {
      parts.push(...groupParts(group, MARGIN + at * (width + MARGIN), top, width));
    }
    top += HEAD + FOOT + ROW * Math.max(...groupsOfLine.map(({ rows }) => rows.length));
  }
  return drawing({ width: WIDTH, height: top + MARGIN / 2, label: title }, parts);
}

function groupParts({ title, unit, rows }, left, top, width) {
  const labels = roomFor(rows.map(({ label }) => label));
  const start = left + labels + 8;
  const room = width - labels - 8 - VALUE_ROOM;
  const marks = ticks(Math.max(...rows.map(({ value }) => value)), 4);
  const scale = (value) => start + (value / marks.at(-1)) * room;
  const first = top + HEAD;
  const bottom = first + rows.length * ROW;
  return [
    text(left, top + 18, title, { type: 'text strong' }),
    ...marks.flatMap((value) => [
      line(scale(value), first - 2, scale(value), bottom, 'grid'),
      text(scale(value), bottom + FONT_PX + 3, short(value), { type: 'faint', anchor: 'middle' }),
    ]),
    text(left + width, bottom + 2 * FONT_PX + 5, unit, { type: 'faint', anchor: 'end' }),
    ...rows.flatMap(({ label, value, shown, kind }, at) => {
      const y = first + at * ROW;
      const emphasis = kind === 'own' ? 'text strong' : 'text';
      return [
        text(start - 8, y + FONT_PX + 1, label, { type: emphasis, anchor: 'end' }),
        rect(start, y + 2, Math.max(1, scale(value) - start), BAR, kind),
        text(scale(value) + 6, y + FONT_PX + 1, shown ?? short(value), { type: emphasis }),
      ];
    }),
    line(start, first - 2, start, bottom, 'axis'),
  ];
}
