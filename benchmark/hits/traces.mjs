/** Recorded accesses: files of a folder, one key a line, gzip or plain. They are not part of this repository. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

const NAME = /^(.*)\.(?:keys|trace|txt)(\.gz)?$/;

/** The traces of a folder by name: `{ name, title, keys }`, with the keys numbered as they come up. */
export function traces(folder) {
  const found = readdirSync(folder)
    .sort()
    .filter((file) => NAME.test(file))
    .map((file) => {
      const [, name] = NAME.exec(file);
      return { name, title: name, keys: numbered(textOf(path.join(folder, file))) };
    });
  if (found.length === 0) throw new Error(`${folder} holds no trace (name.keys.gz, one key a line)`);
  return found;
}

function textOf(file) {
  const bytes = readFileSync(file);
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

function numbered(text) {
  const numbers = new Map();
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return Uint32Array.from(lines, (line) => {
    const known = numbers.get(line);
    if (known !== undefined) return known;
    numbers.set(line, numbers.size);
    return numbers.size - 1;
  });
}
