/**
 * What the plots are made of: an SVG with a card of its own behind it, readable wherever it is shown. Its
 * colours follow the reader's scheme (light or dark) by a media query inside of the file, which holds for
 * an image of a page too. Nothing in it is fetched: no font, no script.
 */

export const FONT_PX = 13;
/** Roughly what a character takes; a label's room is reckoned by it, because nothing here can measure text. */
const CHARACTER_PX = 7.5;

/** Colours that can be told apart with the usual defects of sight (after Okabe and Ito), in both schemes. */
const SERIES = [
  ['#c2410c', '#fb923c'],
  ['#0072b2', '#56b4e9'],
  ['#00795a', '#2fc79b'],
  ['#a3457f', '#dd8fbf'],
  ['#8a6d00', '#e6c84a'],
  ['#57606a', '#9aa4af'],
];
export const MOST_SERIES = SERIES.length;

const LIGHT = {
  '.card': 'fill:#ffffff;stroke:#d0d7de',
  '.text': 'fill:#1f2328',
  '.faint': 'fill:#57606a',
  '.grid': 'stroke:#dfe3e8',
  '.axis': 'stroke:#57606a',
  '.own': 'fill:#c2410c',
  '.peer': 'fill:#8094ab',
  '.floor': 'fill:#c4ccd6',
};
const DARK = {
  '.card': 'fill:#0d1117;stroke:#3d444d',
  '.text': 'fill:#f0f6fc',
  '.faint': 'fill:#9aa4af',
  '.grid': 'stroke:#2b3138',
  '.axis': 'stroke:#9aa4af',
  '.own': 'fill:#fb923c',
  '.peer': 'fill:#6b829c',
  '.floor': 'fill:#414b57',
};

function rules(scheme, column) {
  const series = SERIES.map((colours, at) => {
    const colour = colours[column];
    return `.line${at}{stroke:${colour};fill:none}.mark${at}{fill:${colour};stroke:${colour}}`;
  });
  return `${Object.entries(scheme)
    .map(([selector, style]) => `${selector}{${style}}`)
    .join('')}${series.join('')}`;
}

const STYLE = [
  `text{font:${FONT_PX}px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}`,
  `.title{font-size:${FONT_PX + 2}px;font-weight:600}.strong{font-weight:600}`,
  '.line{stroke-width:2.2}.grid,.axis{stroke-width:1}',
  rules(LIGHT, 0),
  `@media (prefers-color-scheme:dark){${rules(DARK, 1)}}`,
].join('');

/** A whole drawing. `label` says in a sentence what it shows, to those who cannot see it. */
export function drawing({ width, height, label }, parts) {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    ...parts,
    '</svg>',
  ].join('\n')}\n`;
}

export function text(x, y, content, { type = 'text', anchor = 'start', turned = false } = {}) {
  const place = turned
    ? `transform="translate(${fixed(x)} ${fixed(y)}) rotate(-90)"`
    : `x="${fixed(x)}" y="${fixed(y)}"`;
  return `<text class="${type}" ${place} text-anchor="${anchor}">${escaped(content)}</text>`;
}

export const rect = (x, y, width, height, type) =>
  `<rect class="${type}" x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}"/>`;

export const line = (x1, y1, x2, y2, type) =>
  `<line class="${type}" x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}"/>`;

/** A series' line through points, with a mark at each: series differ in their marks too, not in colour alone. */
export function polyline(points, series) {
  const path = points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ');
  const marks = points.map(([x, y]) => mark(x, y, series));
  return [`<polyline class="line line${series}" points="${path}"/>`, ...marks].join('\n');
}

const MARKS = [
  (x, y, type) => `<circle class="${type}" cx="${fixed(x)}" cy="${fixed(y)}" r="4"/>`,
  (x, y, type) => rect(x - 3.5, y - 3.5, 7, 7, type),
  (x, y, type) => polygon([x, y - 5, x + 5, y + 4, x - 5, y + 4], type),
  (x, y, type) => polygon([x, y - 5, x + 5, y, x, y + 5, x - 5, y], type),
  (x, y, type) => polygon([x, y + 5, x + 5, y - 4, x - 5, y - 4], type),
  (x, y, type) => rect(x - 5, y - 1.5, 10, 3, type),
];

export const mark = (x, y, series) => MARKS[series](x, y, `mark${series}`);

const polygon = (numbers, type) => `<polygon class="${type}" points="${numbers.map(fixed).join(' ')}"/>`;

/** The room that the longest of some labels takes. */
export const roomFor = (labels) => Math.ceil(Math.max(...labels.map((label) => label.length)) * CHARACTER_PX);

/** Round numbers from 0 to `most` or a little more, about `wanted` of them. */
export function ticks(most, wanted = 5) {
  if (!(most > 0)) return [0, 1];
  const rough = most / wanted;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((size) => size >= rough);
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(6)));
}

/** A number as an axis shows it. */
export function short(value) {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

const fixed = (value) => Number(value.toFixed(1));

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (content) => String(content).replace(/[&<>"]/g, (character) => ENTITIES[character]);
