/** A hand-written page with a place that a run fills. */

const BEGIN = /<!-- results: written by `npm run bench[^`]*` -->/;
const END = '<!-- /results -->';

/** The page with `results` between its markers; an error says that it has none. */
export function withResults(page, results) {
  const begin = BEGIN.exec(page);
  const end = page.indexOf(END);
  if (begin === null || end < begin.index) throw new Error('the page has no markers of results');
  const before = page.slice(0, begin.index + begin[0].length);
  return `${before}\n\n${results.trim()}\n\n${page.slice(end)}`;
}
