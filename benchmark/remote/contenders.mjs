/** What the lists of contenders have in common, whatever the backend. */
import { readFileSync } from 'node:fs';

/** The installed version of each contender's `package`, which is a path from this folder. */
export function versionsOf(contenders) {
  return Object.fromEntries(
    contenders.map(({ name, package: path }) => [
      name,
      JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version,
    ]),
  );
}
