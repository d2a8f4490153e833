/**
 * Sections run in processes of their own: nobody inherits another's heap, and the garbage collector
 * can be called. The parent starts a file of this folder with `run`, which answers with `serve`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The heap's limit is part of how V8 paces its collections: the same for all, whatever the machine. */
const FLAGS = ['--expose-gc', '--max-old-space-size=4096'];

/** Runs `file` with `input` and resolves to what it answers; rejects if it fails or takes too long. */
export async function run(file, input, { limitSeconds = 900 } = {}) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(input)], {
    execArgv: FLAGS,
    timeout: limitSeconds * 1000,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let answer;
  child.on('message', (message) => {
    answer = message;
  });
  // The channel closes when its last message was read, which may be after the process ended.
  const [[code, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
  if (code !== 0 || answer === undefined) {
    const how = signal ? `ended by ${signal}` : `exit code ${code}`;
    throw new Error(`benchmark/${file} gave no answer (${how}) for ${JSON.stringify(input)}`);
  }
  return answer;
}

/** Answers the parent with what `work(input)` resolves to, and ends the process. */
export async function serve(work) {
  // Whoever asked is gone: nobody waits for the answer.
  process.once('disconnect', () => process.exit(1));
  const answer = await work(JSON.parse(process.argv[2] ?? '{}'));
  if (process.send) {
    // Some contenders keep timers: the process would not end by itself.
    process.send(answer, () => process.exit(0));
  } else {
    console.log(JSON.stringify(answer, null, 2));
    process.exit(0);
  }
}

/** Collects all garbage: twice, with a turn between, so that what finalisers release goes too. */
export async function collect() {
  for (let pass = 0; pass < 2; pass += 1) {
    globalThis.gc();
    await sleep(50);
  }
}
