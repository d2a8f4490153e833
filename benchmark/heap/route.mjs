/**
 * A trivial Fastify route in the process of a large cache: what a caller who has nothing to do with the
 * cache waits because of it. Meanwhile the traffic of stalls.mjs goes on.
 */
import Fastify from 'fastify';
import { run } from '../child.mjs';
import { watch } from '../stalls.mjs';

const CONNECTIONS = 10;

export async function underLoad({ cache, schedule, seconds }) {
  const app = Fastify();
  app.get('/', async () => ({ hello: 'world' }));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  let answer;
  const asking = run('http/child.mjs', { url, connections: CONNECTIONS, seconds }).then((figures) => {
    answer = figures;
  });
  // Until the load has ended, which takes a little longer than it lasts.
  do await watch({ cache, schedule, seconds: 0.5, warmupSeconds: 0 });
  while (answer === undefined && !(await settled(asking)));
  await asking;
  await app.close();
  return Object.fromEntries(
    Object.entries(answer).map(([name, figure]) => [`route${name[0].toUpperCase()}${name.slice(1)}`, figure]),
  );
}

/** Whether it has ended already: one that failed must not be waited for. */
function settled(promise) {
  const waiting = Symbol('waiting');
  return Promise.race([promise, Promise.resolve(waiting)]).then(
    (first) => first !== waiting,
    () => true,
  );
}
