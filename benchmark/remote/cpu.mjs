/**
 * The processor time of threads, as Linux accounts it to the nanosecond in
 * `/proc/<process>/task/<thread>/schedstat`: time on a core, and time in which the thread could
 * have run but another had the core. Elsewhere there are no such figures, and they are null.
 */
import { readFileSync, readdirSync } from 'node:fs';

const LINUX = process.platform === 'linux';

/**
 * What this process and the server have used so far. `take` before and after, then `used`. A server whose
 * process is not known here has no figures.
 */
export function take(serverPid) {
  return {
    process: process.cpuUsage(),
    // The main thread, which runs the JavaScript, has the number of the process.
    script: LINUX ? schedstat(process.pid, process.pid) : null,
    server: LINUX && serverPid !== undefined ? allThreads(serverPid) : null,
  };
}

/** Nanoseconds between two takes: `{ script, process, server, scriptWaited, serverWaited }`. */
export function used(before, after) {
  const between = (who, field) => before[who] && after[who][field] - before[who][field];
  const { user, system } = after.process;
  return {
    script: between('script', 'ran'),
    process: (user + system - before.process.user - before.process.system) * 1000,
    server: between('server', 'ran'),
    scriptWaited: between('script', 'waited'),
    serverWaited: between('server', 'waited'),
  };
}

function schedstat(pid, thread) {
  const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
  return { ran: Number(ran), waited: Number(waited) };
}

function allThreads(pid) {
  const sum = { ran: 0, waited: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const { ran, waited } = schedstat(pid, thread);
    sum.ran += ran;
    sum.waited += waited;
  }
  return sum;
}
