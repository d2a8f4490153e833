/** The section: one process for the operations, one for tags and counters, one for the native call. */
import { run } from '../child.mjs';

export async function memory({ ops, tagged, native }, progress) {
  progress('operations');
  const operations = await run('ops.mjs', ops);
  progress('tags and counters');
  const tags = await run('memory/tagged.mjs', tagged);
  progress('the native call');
  return { ops: operations, tagged: tags, native: await run('native.mjs', native) };
}
