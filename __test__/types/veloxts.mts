// With the entry imported, a VeloxTS procedure's context has the cache; the plugin is a VeloxTS plugin.

import type { BaseContext, VeloxApp } from '@veloxts/core';
import { cachePlugin } from 'ferrocache';
import type {} from 'ferrocache/veloxts';

import { typeOf } from './expect.mjs';

export async function procedure(context: BaseContext): Promise<string | null> {
  typeOf(await context.cache.remember('k', '1h', () => 1)).is<number>();
  // @ts-expect-error still a cache, not anything
  context.cache.memorize('k');
  return context.cache.get<string>('k');
}

declare const app: VeloxApp;
app.use(cachePlugin());
app.use(cachePlugin({ driver: 'redis', config: { url: 'redis://localhost' }, ready: true }));
app.use(cachePlugin({ driver: 'memory' })).use(cachePlugin(), { namespace: 'sessions' });
// @ts-expect-error an unknown option
app.use(cachePlugin(), { nameSpace: 'sessions' });
