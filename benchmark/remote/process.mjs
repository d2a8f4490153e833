/** The parent's side of a contender's process: one question at a time, each with a deadline. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const FLAGS = ['--expose-gc', '--max-old-space-size=4096'];
const LIMIT_MS = 120_000;

export class ClientProcess {
  #child;
  #exited;

  /** `program` is the URL of a file that calls `answering` of answering.mjs. */
  constructor(program, name) {
    this.name = name;
    // Some clients log on the standard output, which is the report's.
    this.#child = fork(fileURLToPath(program), [], { execArgv: FLAGS, stdio: ['ignore', 2, 2, 'ipc'] });
    this.#exited = once(this.#child, 'exit');
    // Whoever asks learns of it; nobody need be asking.
    this.#exited.catch(() => {});
  }

  async ask(type, input = {}) {
    const limit = AbortSignal.timeout(LIMIT_MS);
    const answered = once(this.#child, 'message', { signal: limit });
    // Who is gone says so by its exit; without a callback it would be an event that nobody listens for.
    this.#child.send({ type, ...input }, () => {});
    const [answer] = await Promise.race([
      answered,
      this.#exited.then(([code, signal]) => this.#gone(code, signal)),
    ]);
    if (answer.failed) throw new Error(`${this.name}, ${type}: ${answer.failed}`);
    return answer;
  }

  /** Asks it to end, and ends it if it does not. */
  async close() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      await this.ask('close');
    } finally {
      this.kill();
      await this.#exited;
    }
  }

  /** Ends it at once; whoever asks it is told. */
  kill() {
    this.#child.kill('SIGKILL');
  }

  #gone(code, signal) {
    throw new Error(`the process of ${this.name} ended by ${signal ?? `exit code ${code}`}`);
  }
}
