// A module of an ESM app.

import cachePlugin, { Cache, cachePlugin as named } from 'ferrocache';
import * as all from 'ferrocache';

import { typeOf } from './expect.mjs';

typeOf(cachePlugin).is<typeof named>();
typeOf(all.default).is<typeof named>();
typeOf(new all.Cache()).is<Cache>();
typeOf((await import('ferrocache')).default).is<typeof named>();
