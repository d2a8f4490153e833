'use strict';

// The cache in VeloxTS procedures: `ctx.cache`. Run it with `node examples/veloxts/main.js`.

const { cachePlugin } = require('../../index.js');
const { veloxApp } = require('./app.js');

/** Stands for `ctx.db`. */
const db = {
  reads: 0,
  async findUser(id) {
    this.reads += 1;
    return { id, name: 'John' };
  },
};

async function main() {
  const app = await veloxApp();
  await app.register(cachePlugin({ driver: 'memory', config: { maxSize: 1000 } }));

  app.query('/users/:id', async ({ input, ctx }) =>
    ctx.cache.tags(['users']).remember(`user:${input.id}`, '1h', () => db.findUser(input.id)),
  );
  app.query('/users/:id/changed', async ({ ctx }) => {
    await ctx.cache.tags(['users']).flush();
    return { flushed: true };
  });

  for (const url of ['/users/123', '/users/123', '/users/123/changed', '/users/123']) {
    const { body } = await app.server.inject(url);
    console.log(`GET ${url.padEnd(20)} ${body.padEnd(30)} database reads: ${db.reads}`);
  }
  await app.server.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
