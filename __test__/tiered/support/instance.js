'use strict';

// A process of the fleet: it does nothing but start its threads, and hand on what is said to them and by them.

const path = require('node:path');
const { Worker } = require('node:worker_threads');

process.on('disconnect', () => process.exit());
for (const name of ['unhandledRejection', 'warning']) {
  process.on(name, (reason) => process.send?.({ unasked: `${name}: ${reason?.stack ?? reason}` }));
}

process.once('message', (/** @type {any[]} */ settings) => {
  for (const workerData of settings) {
    const worker = new Worker(path.join(__dirname, 'client.js'), { workerData });
    worker.on('message', (message) => process.send?.({ ...message, thread: workerData.thread }));
    worker.on('error', (error) => process.send?.({ failed: `${workerData.thread}: ${error.stack}` }));
    process.on('message', (message) => worker.postMessage(message));
  }
});
