'use strict';

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const { answered, refused } = require('./expect.js');

const DESIGN = {
  views: {
    expired: { map: 'function (doc) { if (doc.expiresAt) { emit(doc.expiresAt, doc._rev); } }' },
  },
};
const VIEW = '/_design/cache/_view/expired';

/** The query of a URL: keys are JSON. */
const search = (parameters) =>
  `?${Object.entries(parameters)
    .map(([name, value]) => {
      const text = /key(s)?$/.test(name) ? JSON.stringify(value) : value;
      return `${name}=${encodeURIComponent(text)}`;
    })
    .join('&')}`;

const idsOf = ({ body }) => body.rows.map(({ id, key }) => id ?? key);

/** @param {import('./agreement.js').Open} open */
function rows(open) {
  describe('_all_docs', () => {
    const IDS = ['B', 'a', 'a/b', 'b', 'c', 'é', '\uFFFD', '\u{1F600}'];

    async function filled(t) {
      const { ask } = await open(t);
      const docs = IDS.toReversed().map((_id) => ({ _id, v: _id }));
      const { body } = await ask('POST', '/_bulk_docs', { docs: [...docs, { _id: 'gone', _deleted: true }] });
      const revs = Object.fromEntries(body.map(({ id, rev }) => [id, rev]));
      return { ask, revs };
    }

    it('has every document that is not deleted, by code points', async (t) => {
      const { ask, revs } = await filled(t);
      const answer = await ask('GET', '/_all_docs');
      answered(answer, 200, {
        total_rows: IDS.length,
        offset: 0,
        rows: IDS.map((id) => ({ id, key: id, value: { rev: revs[id] } })),
      });
      assert.equal(answer.headers.get('transfer-encoding'), 'chunked');
    });

    it('selects a range', async (t) => {
      const { ask } = await filled(t);
      for (const [parameters, ids, offset] of /** @type {[any, string[], number][]} */ ([
        [{ limit: 2 }, ['B', 'a'], 0],
        [{ skip: 1, limit: 2 }, ['a', 'a/b'], 1],
        [{ startkey: 'b', endkey: 'é' }, ['b', 'c', 'é'], 3],
        [{ startkey: 'b', endkey: 'é', inclusive_end: false }, ['b', 'c'], 3],
        [{ startkey: 'a\0', endkey: 'bb' }, ['a/b', 'b'], 2],
        [{ start_key: '\uFFFD' }, ['\uFFFD', '\u{1F600}'], 6],
        [{ descending: true, startkey: 'b', endkey: 'a' }, ['b', 'a/b', 'a'], 4],
        [{ descending: true, limit: 1 }, ['\u{1F600}'], 0],
        [{ key: 'b' }, ['b'], 3],
        [{ key: 'x' }, [], 5],
        [{ startkey: 'c', endkey: 'a' }, [], 4],
        [{ limit: 0 }, [], 0],
      ])) {
        for (const answer of [
          await ask('GET', `/_all_docs${search(parameters)}`),
          await ask('POST', '/_all_docs', parameters),
        ]) {
          assert.deepEqual([idsOf(answer), answer.body.offset], [ids, offset], JSON.stringify(parameters));
          assert.equal(answer.body.total_rows, IDS.length);
        }
      }
    });

    it('answers for each key, in order', async (t) => {
      const { ask, revs } = await filled(t);
      const keys = ['c', 'none', 'gone', 'a', 'c'];
      const row = (id) => ({
        id,
        key: id,
        value: { rev: revs[id] },
        doc: { _id: id, _rev: revs[id], v: id },
      });
      const gone = { id: 'gone', key: 'gone', value: { rev: revs.gone, deleted: true }, doc: null };
      const expected = {
        total_rows: IDS.length,
        offset: null,
        rows: [row('c'), { key: 'none', error: 'not_found' }, gone, row('a'), row('c')],
      };
      answered(await ask('POST', '/_all_docs?include_docs=true', { keys }), 200, expected);
      answered(await ask('GET', `/_all_docs${search({ keys, include_docs: true })}`), 200, expected);
      const some = await ask('POST', '/_all_docs', { keys, skip: 1, limit: 2, descending: true });
      assert.deepEqual(idsOf(some), ['a', 'gone']);
      assert.deepEqual(idsOf(await ask('POST', '/_all_docs', { keys: ['none'] })), ['none']);
      assert.deepEqual(idsOf(await ask('POST', '/_all_docs', { keys: [] })), []);
      const reason = '`keys` body member must be an array.';
      refused(await ask('POST', '/_all_docs', { keys: 'a' }), 400, 'bad_request', reason);
    });
  });

  describe('a view', () => {
    /** A document with the letter as its id for each, and with the number as its expiry. */
    const EXPIRIES = { B: 2, a: 1, b: 2, c: 2, d: 3, e: null, f: 1.5, g: 0, s: 'text', t: [1] };
    const ORDERED = ['a', 'f', 'B', 'b', 'c', 'd', 's', 't'];

    async function filled(t) {
      const { ask, put } = await open(t);
      // Views are of documents, not of design documents.
      await put('_design/cache', { ...DESIGN, expiresAt: 1 });
      const docs = Object.entries(EXPIRIES).map(([_id, expiresAt]) => ({ _id, expiresAt }));
      const { body } = await ask('POST', '/_bulk_docs', { docs });
      return { ask, put, revs: Object.fromEntries(body.map(({ id, rev }) => [id, rev])) };
    }

    it('is missing without its design document', async (t) => {
      const { ask, put } = await open(t);
      refused(await ask('GET', VIEW), 404, 'not_found', 'missing');
      const rev = await put('_design/cache', DESIGN);
      refused(await ask('GET', '/_design/cache/_view/none'), 404, 'not_found', 'missing_named_view');
      answered(await ask('GET', VIEW), 200, { total_rows: 0, offset: 0, rows: [] });
      await ask('DELETE', `/_design/cache?rev=${rev}`);
      refused(await ask('GET', VIEW), 404, 'not_found', 'deleted');
    });

    it('has a design document that is a document', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('_design/cache', DESIGN);
      for (const path of ['/_design/cache', '/_design%2Fcache']) {
        assert.equal((await ask('PUT', path, DESIGN)).status, 409);
      }
      answered(await ask('GET', '/_design/cache'), 200, { _id: '_design/cache', _rev: rev, ...DESIGN });
      assert.equal((await ask('GET', '/_design%2Fcache')).status, 301);
      const broken = { views: { expired: { map: 'function (doc) {' } } };
      const { status, body } = await ask('PUT', '/_design/broken', broken);
      assert.deepEqual([status, body.error], [400, 'compilation_error']);
      const reason = '`views.x` field must have object type';
      refused(await ask('PUT', '/_design/x', { views: { x: 7 } }), 400, 'invalid_design_doc', reason);
    });

    it('has what its function emits, by key and id', async (t) => {
      const { ask, revs } = await filled(t);
      const answer = await ask('GET', VIEW);
      answered(answer, 200, {
        total_rows: ORDERED.length,
        offset: 0,
        rows: ORDERED.map((id) => ({ id, key: EXPIRIES[id], value: revs[id] })),
      });
      assert.equal(answer.headers.get('transfer-encoding'), 'chunked');
    });

    it('selects a range', async (t) => {
      const { ask } = await filled(t);
      for (const [parameters, ids, offset] of /** @type {[any, string[], number][]} */ ([
        [{ endkey: 2 }, ['a', 'f', 'B', 'b', 'c'], 0],
        [{ endkey: 2, limit: 2 }, ['a', 'f'], 0],
        [{ endkey: 2, inclusive_end: false }, ['a', 'f'], 0],
        [{ startkey: 2, limit: 2 }, ['B', 'b'], 2],
        [{ startkey: 2, startkey_docid: 'b', endkey: 3 }, ['b', 'c', 'd'], 3],
        [{ startkey: 2, start_key_doc_id: 'b\0', endkey: 2 }, ['c'], 4],
        [{ startkey_docid: 'z', endkey: 1 }, ['a'], 0],
        [{ endkey: 2, endkey_docid: 'b' }, ['a', 'f', 'B', 'b'], 0],
        [{ startkey: 2, skip: 1, limit: 2 }, ['b', 'c'], 3],
        [{ skip: 100 }, [], 8],
        [{ startkey: 100, endkey: 200 }, [], 6],
        [{ descending: true, limit: 3 }, ['t', 's', 'd'], 0],
        [{ descending: true, startkey: 2, startkey_docid: 'b' }, ['b', 'B', 'f', 'a'], 4],
        [{ key: 2 }, ['B', 'b', 'c'], 2],
        [{ keys: [3, 7, 1] }, ['d', 'a'], -1],
        [{ limit: 0 }, [], 0],
      ])) {
        for (const answer of [
          await ask('GET', `${VIEW}${search(parameters)}`),
          await ask('POST', VIEW, parameters),
        ]) {
          assert.deepEqual(idsOf(answer), ids, JSON.stringify(parameters));
          // Where there are several keys the offset says nothing.
          if (offset >= 0) assert.equal(answer.body.offset, offset, JSON.stringify(parameters));
          assert.equal(answer.body.total_rows, ORDERED.length);
        }
      }
      // The query wins over the body.
      assert.deepEqual(idsOf(await ask('POST', `${VIEW}?limit=1`, { limit: 3, endkey: 2 })), ['a']);
    });

    it('refuses what is no range', async (t) => {
      const { ask } = await filled(t);
      const reverse =
        'No rows can match your key range, reverse your start_key and end_key or set descending=true';
      for (const [query, error, reason] of [
        ['startkey=3&endkey=2', 'query_parse_error', reverse],
        ['limit=x', 'query_parse_error', 'Invalid value for integer: "x"'],
        ['limit=-1', 'query_parse_error', 'Invalid value for positive integer: "-1"'],
        ['inclusive_end=perhaps', 'query_parse_error', 'Invalid boolean parameter: "perhaps"'],
        ['reduce=true', 'query_parse_error', 'Reduce is invalid for map-only views.'],
        ['startkey=x', 'bad_request', 'invalid UTF-8 JSON'],
      ]) {
        refused(await ask('GET', `${VIEW}?${query}`), 400, error, reason);
      }
    });

    it('follows the documents', async (t) => {
      const { ask, put, revs } = await filled(t);
      const ids = async () => idsOf(await ask('GET', `${VIEW}?endkey=1.5`));
      assert.deepEqual(await ids(), ['a', 'f']);
      await put('a', { _rev: revs.a, expiresAt: 9 });
      assert.deepEqual(await ids(), ['f']);
      await put('x', { expiresAt: 1 });
      assert.deepEqual(await ids(), ['x', 'f']);
      await ask('DELETE', `/f?rev=${revs.f}`);
      assert.deepEqual(await ids(), ['x']);
      await ask('POST', '/_purge', { x: [(await ask('GET', '/x')).body._rev] });
      assert.deepEqual(await ids(), []);
    });

    it('can bring the documents along', async (t) => {
      const { ask, revs } = await filled(t);
      const { rows: found } = (await ask('GET', `${VIEW}?include_docs=true&limit=1`)).body;
      const doc = { _id: 'a', _rev: revs.a, expiresAt: 1 };
      assert.deepEqual(found, [{ id: 'a', key: 1, value: revs.a, doc }]);
    });
  });
}

module.exports = { rows };
