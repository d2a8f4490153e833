'use strict';

// The program that pouch.js starts: port and folder are its arguments.

const express = require('express');
const expressPouch = require('express-pouchdb');
const Pouch = require('pouchdb-core');

const { host } = require('../../support/ports.js');

const [port, directory] = process.argv.slice(2);

// Whatever it writes must not be in the repository.
process.chdir(directory);

const InMemory = Pouch.plugin(require('pouchdb-adapter-memory'))
  .plugin(require('pouchdb-mapreduce'))
  .defaults({ adapter: 'memory' });
const app = express();
app.use('/', expressPouch(InMemory, { mode: 'minimumForPouchDB', inMemoryConfig: true }));
app.listen(Number(port), host);
