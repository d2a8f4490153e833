'use strict';

// The sentinels and the clusters that the other tests of this folder start.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const { startCluster } = require('./support/cluster.js');
const { connect } = require('./support/resp.js');
const { startSentinel } = require('./support/sentinel.js');

describe('sentinels', () => {
  it('fail over when they are told to, and when the primary is dead', async (t) => {
    const group = await startSentinel(t, { requirepass: 'data', sentinelPassword: 'sentinel' });
    const [first, second] = [await group.primary(), await group.replica()];
    assert.notEqual(first, second);
    assert.equal(group.nodes.length, 3);
    const sentinel = await connect({ ...group.nodes[0], password: 'sentinel' });
    t.after(() => sentinel.close());
    const [, port] = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group.name);
    assert.equal(Number(port), first.port);

    assert.deepEqual(await group.failover(), { from: first, to: second });
    await second.cli('SET', 'key', 'value');
    await assert.rejects(first.cli('SET', 'key', 'value'), { code: 'READONLY' });

    assert.equal(await group.killPrimary(), second);
    assert.equal(await group.settled(), first);
    await first.cli('SET', 'key', 'value');
    await second.restart();
    await group.demote(second);
    assert.equal(await group.settled(), first);
    assert.equal(await group.replica(), second);
  });
});

describe('a cluster', () => {
  it('moves slots and fails over', async (t) => {
    const cluster = await startCluster(t);
    const primaries = await cluster.primaries();
    assert.equal(primaries.length, 3);
    assert.equal((await cluster.replicas()).length, 3);
    assert.equal(cluster.nodes.length, 6);

    const slot = await cluster.slotOf('{tag}');
    const from = await cluster.owner(slot);
    const to = primaries.find((server) => server !== from);
    for (const name of ['a', 'b', 'c']) await from.cli('SET', `{tag}${name}`, name);
    const elsewhere = primaries.find((server) => server !== from && server !== to);
    await assert.rejects(elsewhere.cli('GET', '{tag}a'), { code: 'MOVED' });
    await cluster.migrateSlot(slot, to, {
      during: async ({ moveKeys }) => {
        assert.equal(await moveKeys(2), 2);
        const answers = await Promise.all(
          ['a', 'b', 'c'].map((name) => from.cli('GET', `{tag}${name}`).catch(({ code }) => code)),
        );
        assert.equal(answers.filter((answer) => answer === 'ASK').length, 2);
        await assert.rejects(to.cli('GET', '{tag}a'), { code: 'MOVED' });
      },
    });
    assert.equal(await cluster.owner(slot), to);
    assert.equal(await to.cli('GET', '{tag}c'), 'c');
    await assert.rejects(from.cli('GET', '{tag}a'), { code: 'MOVED' });

    const [replica] = await cluster.replicas(to);
    assert.deepEqual(await cluster.failover(to), { from: to, to: replica });
    assert.equal(await cluster.owner(slot), replica);
    assert.equal(await replica.cli('GET', '{tag}a'), 'a');

    const dead = await cluster.killPrimary(replica);
    await cluster.settled();
    assert.equal(await cluster.owner(slot), to);
    await dead.restart();
    await cluster.settled();
    assert.deepEqual(await cluster.replicas(to), [dead]);
  });
});
