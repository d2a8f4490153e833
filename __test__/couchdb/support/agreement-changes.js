'use strict';

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const { until } = require('../../support/wait.js');
const { follow } = require('./client.js');
const { refused } = require('./expect.js');

/** @param {import('./agreement.js').Open} open */
function follows(open) {
  const now = async (ask) => (await ask('GET', '/_changes?since=now&limit=0')).body.last_seq;
  const changesOf = (rows) => rows.map(({ id, changes, deleted }) => [id, changes[0].rev, deleted === true]);

  describe('_changes', () => {
    it('has the newest change of each document, since then', async (t) => {
      const { ask, put } = await open(t);
      const first = await put('a');
      const since = await now(ask);
      const second = await put('a', { _rev: first });
      const { rev: gone } = (await ask('DELETE', `/b?rev=${await put('b')}`)).body;
      const { status, body } = await ask('GET', `/_changes?since=${encodeURIComponent(since)}`);
      assert.equal(status, 200);
      assert.deepEqual(changesOf(body.results).sort(), [
        ['a', second, false],
        ['b', gone, true],
      ]);
      assert.deepEqual(Object.keys(body), ['results', 'last_seq', 'pending']);
      for (const { seq } of body.results) assert.match(seq, /^\d+-./);
      assert.equal(body.pending, 0);
      assert.deepEqual((await ask('GET', `/_changes?since=${body.last_seq}`)).body.results, []);
    });

    it('can be had in parts', async (t) => {
      const { ask, put } = await open(t);
      for (const id of ['a', 'b', 'c']) await put(id);
      const { results, last_seq: since, pending } = (await ask('POST', '/_changes?limit=2', {})).body;
      assert.deepEqual([results.length, pending], [2, 1]);
      const rest = (await ask('GET', `/_changes?since=${since}`)).body.results;
      assert.deepEqual([...results, ...rest].map(({ id }) => id).sort(), ['a', 'b', 'c']);
    });

    it('starts with nothing before it is asked for more', async (t) => {
      const { ask, put } = await open(t);
      await put('a');
      const { results, pending } = (await ask('GET', '/_changes?limit=0')).body;
      assert.deepEqual([results, pending], [[], 1]);
    });

    it('starts again when the database is another one', async (t) => {
      const { ask, put } = await open(t);
      await put('a');
      const since = await now(ask);
      await ask('DELETE', '');
      await ask('PUT', '');
      await put('b');
      const { results } = (await ask('GET', `/_changes?since=${since}`)).body;
      assert.deepEqual(
        results.map(({ id }) => id),
        ['b'],
      );
    });

    it('refuses what is no sequence and no feed', async (t) => {
      const { ask } = await open(t);
      const malformed = "Malformed sequence supplied in 'since' parameter.";
      const positive = 'The heartbeat value should be a positive integer (in milliseconds).';
      const feeds = 'Supported `feed` types: normal, continuous, live, longpoll, eventsource';
      for (const [query, reason] of [
        ['since=x', malformed],
        ['since=5', malformed],
        ['feed=continuous&heartbeat=0', positive],
        ['feed=x', feeds],
      ]) {
        refused(await ask('GET', `/_changes?${query}`), 400, 'bad_request', reason);
      }
    });
  });

  describe('a continuous feed', () => {
    async function followed(t, query = '') {
      const { ask, put, url, name } = await open(t);
      const old = await put('old');
      const since = encodeURIComponent(await now(ask));
      const feed = await follow(url, `/${name}/_changes?feed=continuous&since=${since}${query}`);
      t.after(() => feed.close());
      assert.equal(feed.status, 200);
      return { ask, put, feed, old };
    }

    it('says at once that it is there, and then each change', async (t) => {
      const { ask, put, feed, old } = await followed(t, '&heartbeat=60000');
      await until('the first line comes', () => feed.beats > 0);
      const rev = await put('a');
      await until('a change comes', () => feed.rows.length === 1);
      const { body } = await ask('DELETE', `/old?rev=${old}`);
      await until('another one comes', () => feed.rows.length === 2);
      assert.deepEqual(changesOf(feed.rows), [
        ['a', rev, false],
        ['old', body.rev, true],
      ]);
      for (const { seq } of feed.rows) assert.match(seq, /^\d+-./);
    });

    it('begins with what has changed since then', async (t) => {
      const { url, name, put } = await open(t);
      await put('a');
      const feed = await follow(url, `/${name}/_changes?feed=continuous&since=0&heartbeat=60000`);
      t.after(() => feed.close());
      await until('the change comes', () => feed.rows.length === 1);
      assert.equal(feed.rows[0].id, 'a');
    });

    it('has a heart', async (t) => {
      const { feed } = await followed(t, '&heartbeat=20');
      await until('it beats', () => feed.beats > 5);
      assert.deepEqual(feed.rows, []);
    });

    it('ends after a while without a change, unless it has one', async (t) => {
      const { feed } = await followed(t, '&timeout=50');
      await until('it ends', () => feed.ended);
      assert.deepEqual(
        feed.rows.map(({ last_seq: last, pending }) => [typeof last, pending]),
        [['string', 0]],
      );
    });

    it('ends after as many changes as were wanted', async (t) => {
      const { put, feed } = await followed(t, '&heartbeat=60000&limit=1');
      await put('a');
      await until('it ends', () => feed.ended);
      assert.deepEqual([feed.rows[0].id, typeof feed.rows[1].last_seq], ['a', 'string']);
    });

    it('ends when the database is deleted, though it is created again', async (t) => {
      const { ask, put, feed } = await followed(t, '&heartbeat=60000');
      await ask('DELETE', '');
      await ask('PUT', '');
      await put('new');
      await until('it ends', () => feed.ended);
      assert.deepEqual(
        feed.rows.map((row) => Object.keys(row)),
        [['last_seq', 'pending']],
      );
    });

    it('knows nothing of what was purged', async (t) => {
      const { ask, put, feed, old } = await followed(t, '&heartbeat=60000');
      await ask('POST', '/_purge', { old: [old] });
      await put('a');
      await until('a change comes', () => feed.rows.length > 0);
      assert.deepEqual(
        feed.rows.map(({ id }) => id),
        ['a'],
      );
    });
  });
}

module.exports = { follows };
