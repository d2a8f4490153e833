// What goes in and comes out of a cache.

import { Cache, type CacheNamespace, type Factory, type TaggedCache } from 'ferrocache';

import { typeOf } from './expect.mjs';

interface User {
  id: number;
  name: string;
}
declare const user: User;
declare function findUser(): Promise<User>;
declare function findUserOrNull(): Promise<User | null>;

const cache = new Cache();

// remember infers from the factory, asynchronous or not, in each of its forms.
typeOf(await cache.remember('k', findUser)).is<User>();
typeOf(await cache.remember('k', '1h', findUser)).is<User>();
typeOf(await cache.remember('k', { ttl: '1h', tags: ['users'] }, findUser)).is<User>();
typeOf(await cache.remember('k', undefined, () => user)).is<User>();
typeOf(await cache.remember('k', null, () => user)).is<User>();
typeOf(await cache.remember('k', 60, findUserOrNull)).is<User | null>();
typeOf(await cache.remember('k', 60, async () => 1)).is<number>();
typeOf(await cache.remember<User>('k', 60, findUser)).is<User>();
typeOf(await cache.rememberForever('k', findUser)).is<User>();
typeOf(await cache.tags(['users']).remember('k', '1h', findUser)).is<User>();
typeOf(await cache.namespace('app').remember('k', '1h', findUser)).is<User>();
// @ts-expect-error the factory returns something else
await cache.remember<User>('k', 60, async () => 1);
// @ts-expect-error a value is no factory
await cache.remember('k', 60, user);
// @ts-expect-error there is no factory
await cache.remember('k', 60);
// @ts-expect-error an unknown option
await cache.remember('k', { ttl: '1h', tag: ['users'] }, findUser);

// A factory sees its context.
await cache.remember('k', '1h', (context) => {
  typeOf(context.key).is<string>();
  typeOf(context.signal).is<AbortSignal>();
  context.setTtl('5m');
  context.setTags(['a']);
  context.skip();
  // @ts-expect-error not a duration
  context.setTtl('soon');
  return user;
});
const factory: Factory<User> = ({ signal }) => (signal.aborted ? user : findUser());
typeOf(await cache.remember('k', factory)).is<User>();

// Reads are unknown unless the caller says what was stored, and null is part of the answer.
typeOf(await cache.get('k')).is<unknown>();
typeOf(await cache.get<User>('k')).is<User | null>();
typeOf(await cache.pull<User>('k')).is<User | null>();
typeOf(await cache.many<User>(['a', 'b'])).is<Map<string, User | null>>();
typeOf(await cache.many(new Set(['a']))).is<Map<string, unknown>>();
// @ts-expect-error a read may find nothing
(await cache.get<User>('k')).name;
// @ts-expect-error keys are strings
await cache.get(1);
// @ts-expect-error keys are strings
await cache.many([1]);

// Writes.
typeOf(await cache.put('k', user)).is<void>();
typeOf(await cache.set('k', user, '1h')).is<boolean>();
typeOf(await cache.add('k', user, null)).is<boolean>();
typeOf(await cache.forget('k')).is<boolean>();
typeOf(await cache.forgetMany(['a'])).is<number>();
typeOf(await cache.has('k')).is<boolean>();
typeOf(await cache.touch('k', '1h')).is<boolean>();
typeOf(await cache.ttl('k')).is<number | null>();
typeOf(await cache.increment('k')).is<number>();
typeOf(await cache.decrement('k', 2, '1h')).is<number>();
// @ts-expect-error a step is a number
await cache.increment('k', '2');
// @ts-expect-error a value is needed
await cache.put('k');

// Many entries come as an object, a Map or pairs.
await cache.putMany({ a: user, b: user });
await cache.putMany(new Map([['a', user]]), '1h');
await cache.putMany([['a', user]], '1h');
await cache.putMany<User>({ a: user });
// @ts-expect-error another type of value
await cache.putMany<User>({ a: 1 });
// @ts-expect-error values without keys
await cache.putMany([user]);

// Parts of a cache.
typeOf(cache.tags('users')).is<TaggedCache>();
typeOf(cache.tags(['users', 'active'] as const)).is<TaggedCache>();
typeOf(cache.namespace('app')).is<CacheNamespace>();
typeOf(cache.namespace('app').name).is<string>();
// @ts-expect-error a tag is a string
cache.tags([1]);
// @ts-expect-error a namespace closes with its cache
cache.namespace('app').close();
for await (const key of cache.keys()) typeOf(key).is<string>();

// It disposes of itself.
await using disposed = new Cache();
typeOf(disposed).is<Cache>();
