'use strict';

// What the consistency tests have in common, whatever the server.

const judged = {
  // A factory that names a tag late which was flushed less than a second before it began is run once more: there is no
  // clock that all processes share (docs/couchdb.md). That nothing old is stored is in no-resurrection.test.js.
  lateTags: false,
  faults: ['blind-fill', 'lost-count', 'shared-lock'],
};

/** Who waits for a process that was killed waits for its lease. */
const options = (url, database, config = {}) => ({
  driver: 'couchdb',
  config: { url, database, leaseTtl: '500ms', sweep: '1s', ...config },
});

exports.terms = { judged, options };
