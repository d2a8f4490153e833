'use strict';

// The guarantees hold where values are handed out frozen, too.

process.env.FERROCACHE_TEST_ISOLATION = 'frozen';

require('./no-resurrection.test.js');
require('./late-tags.test.js');
require('./tags.test.js');
require('./flush.test.js');
require('./one-flight.test.js');
