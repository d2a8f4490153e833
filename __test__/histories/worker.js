'use strict';

// One process (or worker thread) of a fleet: opens the caches, says that it is ready, runs its clients until it is
// told to stop, or to die in the middle of something.

const { parentPort, workerData } = require('node:worker_threads');
const { Cache } = require('../../index.js');
const { work } = require('./client.js');
const { plant } = require('./faults.js');
const { Recorder } = require('./history.js');
const { Random } = require('./random.js');

const port = parentPort ?? process;
const send = (message) => (parentPort ? parentPort.postMessage(message) : process.send?.(message));

let stopping = false;
/** Where this process is to die, once it is told so. */
let fatal;

/** @param {any} settings */
async function main(settings) {
  const recorder = new Recorder(settings.file, BigInt(settings.epoch));
  const data = new Cache(settings.data);
  const counts = new Cache(settings.counts);
  await Promise.all([data.ready(), counts.ready()]);
  const told = new Promise((resolve) => {
    port.on('message', (message) => {
      if (message.stop) stopping = true;
      if (message.die) fatal = message.die;
      if (message.go) resolve(undefined);
    });
  });
  send({ ready: true, now: recorder.now() });
  await told;
  const [values, counters] = [data, counts].map((cache) => plant(cache, settings.fault));
  await Promise.all(
    Array.from({ length: settings.clients }, (_, number) =>
      work({
        process: settings.name,
        number,
        data: values,
        counts: counters,
        recorder,
        random: new Random(settings.seed + number * 7919),
        stopped: () => stopping,
        mortal: (where) => die(recorder, where),
        lateTags: settings.lateTags,
        pace: settings.pace,
      }),
    ),
  );
  await Promise.all([data.close(), counts.close()]);
  recorder.close();
  send({ done: true });
  if (parentPort) parentPort.close();
  else process.disconnect?.();
}

/**
 * @param {Recorder} recorder
 * @param {'factory' | 'lock'} where
 */
function die(recorder, where) {
  if (fatal !== where) return;
  recorder.note('killed', {});
  // In a thread this ends the thread; in both nothing that would clean up is run.
  if (parentPort) process.exit();
  process.kill(process.pid, 'SIGKILL');
}

if (parentPort) main(workerData);
else {
  // A fleet must not outlive the test that started it.
  process.on('disconnect', () => {
    if (!stopping) process.exit(1);
  });
  process.once('message', main);
}
