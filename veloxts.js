'use strict';

// Types alone: see veloxts.d.ts.
