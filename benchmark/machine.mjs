/** What the figures were taken on: without it they say nothing. */
import os from 'node:os';
import { versions } from './contenders.mjs';

export function describeMachine() {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryGib: Math.round(os.totalmem() / 1024 ** 3),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    v8: process.versions.v8,
    date: new Date().toISOString().slice(0, 10),
    // A machine that was busy before the run began spoils it.
    loadBefore: os.loadavg()[0],
    packages: versions(),
  };
}
