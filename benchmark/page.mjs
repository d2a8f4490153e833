/** A hand-written page with a place that a run fills. */

const BEGIN = /<!-- results: written by `npm run bench -- (?:--only=(\S+) )?--markdown \S+` -->/;
const END = '<!-- /results -->';

export function hasMarkers(page) {
  const begin = page.search(BEGIN);
  return begin !== -1 && page.indexOf(END) > begin;
}

/** The sections whose results the page shows, as its marker names them; undefined: all. */
export const sectionsOf = (page) => BEGIN.exec(page)?.[1]?.split(',');

/** The page with `results` between its markers. */
export function withResults(page, results) {
  const [marker] = BEGIN.exec(page);
  const before = page.slice(0, page.search(BEGIN) + marker.length);
  const after = page.slice(page.indexOf(END));
  return `${before}\n\n${results.trim()}\n\n${after}`;
}
