'use strict';

/** What the CouchDB driver can and cannot do, for the conformance suite. */
exports.capabilities = {
  manualClock: false,
  evicts: false,
  expires: false,
  counts: false,
  emptyPrefix: true,
  tier: 'couchdb',
  driver: 'couchdb',
};
