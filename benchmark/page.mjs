/** A hand-written page with a place that a run fills. */

const BEGIN = '<!-- results: written by `npm run bench -- --markdown docs/benchmarks.md` -->';
const END = '<!-- /results -->';

export function hasMarkers(page) {
  return page.includes(BEGIN) && page.indexOf(END) > page.indexOf(BEGIN);
}

/** The page with `results` between its markers. */
export function withResults(page, results) {
  const before = page.slice(0, page.indexOf(BEGIN) + BEGIN.length);
  const after = page.slice(page.indexOf(END));
  return `${before}\n\n${results.trim()}\n\n${after}`;
}
