// A module of a CommonJS app, with both of TypeScript's ways to import.

import cachePlugin, { Cache, cachePlugin as named } from 'ferrocache';
import required = require('ferrocache');

import type { typeOf as TypeOf } from './expect.mjs' with { 'resolution-mode': 'import' };

declare const typeOf: typeof TypeOf;

typeOf(cachePlugin).is<typeof named>();
typeOf(required.default).is<typeof named>();
typeOf(required.cachePlugin).is<typeof named>();
typeOf(new required.Cache()).is<Cache>();
