'use strict';

// A PouchDB server: another program's idea of CouchDB, in a process of its own.

const path = require('node:path');

const { freePort, host } = require('../../support/ports.js');
const { launch, removeDirectory, temporaryDirectory } = require('../../support/processes.js');
const { until } = require('../../support/wait.js');
const { request } = require('./client.js');

const LIMIT = 30_000;

/**
 * Starts a server, which is stopped when the test `t` ends; without `t` by whoever started it. It ends with
 * this process, too. Everybody is an administrator of it, and it keeps everything in memory.
 *
 * @param {{ after: (hook: () => unknown) => void } | null} [t]
 */
async function startPouch(t = null) {
  const directory = temporaryDirectory();
  const log = path.join(directory, 'log');
  const main = path.join(__dirname, 'pouch-main.js');
  let port = 0;
  let started;
  const stop = async () => {
    started?.signal('SIGKILL');
    await started?.ended;
    removeDirectory(directory);
  };
  try {
    await until(
      'the PouchDB server runs',
      async () => {
        port = await freePort();
        started = await launch([process.execPath, main, `${port}`, directory], { directory, log });
        const ended = started.ended.then(() => true);
        await until('the PouchDB server answers', () => Promise.race([ended, answers(port)]), {
          limit: LIMIT,
        });
        // Somebody else can be faster in taking the port.
        return started.running;
      },
      { limit: LIMIT },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  t?.after(stop);
  return { url: `http://${host}:${port}`, host, port, stop };
}

async function answers(port) {
  const { body } = await request(`http://${host}:${port}`, 'GET', '/');
  return body?.['express-pouchdb'] === 'Welcome!';
}

module.exports = { startPouch };
