'use strict';

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const { answered, conflictRow, generationOf, refused } = require('./expect.js');

/** @param {import('./agreement.js').Open} open */
function bulk(open) {
  describe('_bulk_docs', () => {
    it('answers row by row, in order', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('old', { v: 1 });
      const docs = [
        { _id: 'a', v: 1 },
        { _id: 'old', v: 2 },
        { _id: 'a', v: 2 },
        { _id: 'old', _rev: rev, _deleted: true },
        { _id: 'never', _deleted: true },
        { _id: 'never', v: 1 },
      ];
      const { status, body } = await ask('POST', '/_bulk_docs', { docs });
      assert.equal(status, 201);
      assert.deepEqual(
        body.map((row) => (row.ok ? [row.id, generationOf(row.rev)] : row)),
        [['a', 1], conflictRow('old'), conflictRow('a'), ['old', 2], ['never', 1], ['never', 2]],
      );
      assert.equal((await ask('GET', '/a')).body.v, 1);
      refused(await ask('GET', '/old'), 404, 'not_found', 'deleted');
    });

    it('makes up the ids that are missing', async (t) => {
      const { ask } = await open(t);
      const { body } = await ask('POST', '/_bulk_docs', { docs: [{ v: 1 }] });
      assert.match(body[0].id, /^[0-9a-f]{32}$/);
      const { status, body: posted } = await ask('POST', '', { v: 1 });
      assert.equal(status, 201);
      assert.match(posted.id, /^[0-9a-f]{32}$/);
    });

    it('stores nothing if one of the documents cannot be one', async (t) => {
      const { ask } = await open(t);
      const underscore = 'Only reserved document ids may start with underscore.';
      for (const [document, status, error, reason] of /** @type {[any, number, string, string][]} */ ([
        [{ _id: '_x' }, 400, 'illegal_docid', underscore],
        [{ _id: '' }, 400, 'illegal_docid', 'Document id must not be empty'],
        [{ _id: 7 }, 400, 'illegal_docid', 'Document id must be a string'],
        [{ _id: 'b', _rev: 'x' }, 400, 'bad_request', 'Invalid rev format'],
        [{ _id: 'b', _x: 1 }, 400, 'doc_validation', 'Bad special document member: _x'],
        [3, 400, 'bad_request', 'Document must be a JSON object'],
        [{ _id: 'b', v: 'x'.repeat(8_000_000) }, 413, 'document_too_large', 'b'],
      ])) {
        refused(await ask('POST', '/_bulk_docs', { docs: [{ _id: 'a' }, document] }), status, error, reason);
        refused(await ask('GET', '/a'), 404, 'not_found', 'missing');
      }
    });

    it('needs an array of documents', async (t) => {
      const { ask } = await open(t);
      answered(await ask('POST', '/_bulk_docs', { docs: [] }), 201, []);
      for (const [body, reason] of /** @type {[any, string][]} */ ([
        [{}, 'POST body must include `docs` parameter.'],
        [{ docs: 3 }, '`docs` parameter must be an array.'],
        ['[]', 'Request body must be a JSON object'],
        ['', 'invalid UTF-8 JSON'],
      ])) {
        refused(await ask('POST', '/_bulk_docs', body), 400, 'bad_request', reason);
      }
      const type = 'Content-Type must be application/json';
      const plain = await ask('POST', '/_bulk_docs', { docs: [] }, { 'content-type': 'text/plain' });
      refused(plain, 415, 'bad_content_type', type);
      refused(await ask('GET', '/_bulk_docs'), 405, 'method_not_allowed', 'Only POST allowed');
    });
  });

  describe('_bulk_get', () => {
    it('answers for each that is asked for, in order', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('a', { v: 1 });
      const gone = (await ask('DELETE', `/gone?rev=${await put('gone')}`)).body.rev;
      const asked = ['a', 'none', 'gone', 'a', '_x'];
      const docs = [
        ...asked.map((id) => ({ id })),
        { id: 'a', rev },
        { id: 'a', rev: '2-b' },
        { id: 'a', rev: 'x' },
      ];
      const { status, body } = await ask('POST', '/_bulk_get', { docs });
      assert.equal(status, 200);
      const found = { ok: { _id: 'a', _rev: rev, v: 1 } };
      const missing = (id, given) => ({ error: { id, rev: given, error: 'not_found', reason: 'missing' } });
      const illegal = {
        id: '_x',
        rev: null,
        error: 'illegal_docid',
        reason: 'Only reserved document ids may start with underscore.',
      };
      const bad = { id: 'a', rev: 'x', error: 'bad_request', reason: 'Invalid rev format' };
      assert.deepEqual(body, {
        results: [
          { id: 'a', docs: [found] },
          { id: 'none', docs: [missing('none', 'undefined')] },
          { id: 'gone', docs: [{ ok: { _id: 'gone', _rev: gone, _deleted: true } }] },
          { id: 'a', docs: [found] },
          { id: '_x', docs: [{ error: illegal }] },
          { id: 'a', docs: [found] },
          { id: 'a', docs: [missing('a', '2-b')] },
          { id: 'a', docs: [{ error: bad }] },
        ],
      });
    });

    it('needs an array', async (t) => {
      const { ask } = await open(t);
      answered(await ask('POST', '/_bulk_get', { docs: [] }), 200, { results: [] });
      refused(await ask('POST', '/_bulk_get', {}), 400, 'bad_request', "Missing JSON list of 'docs'.");
    });

    it('can tell the revisions that came before', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('a', { _rev: await put('a') });
      const { body } = await ask('POST', '/_bulk_get?revs=true', { docs: [{ id: 'a' }] });
      const { _revisions } = body.results[0].docs[0].ok;
      assert.deepEqual([_revisions.start, `2-${_revisions.ids[0]}`], [2, rev]);
    });
  });

  describe('_purge', () => {
    it('removes documents by their newest revisions, and leaves nothing', async (t) => {
      const { ask, put } = await open(t);
      const old = await put('a');
      const rev = await put('a', { _rev: old });
      const gone = (await ask('DELETE', `/gone?rev=${await put('gone')}`)).body.rev;
      const other = await put('other');
      const wanted = { a: [rev, '1-b'], gone: [gone], other: ['1-b'], none: ['1-b'] };
      answered(await ask('POST', '/_purge', wanted), 201, {
        purge_seq: null,
        purged: { a: [rev], gone: [gone], other: [], none: [] },
      });
      refused(await ask('GET', '/a'), 404, 'not_found', 'missing');
      refused(await ask('GET', '/gone'), 404, 'not_found', 'missing');
      const { body } = await ask('GET', '');
      assert.deepEqual([body.doc_count, body.doc_del_count], [1, 0]);
      assert.deepEqual((await ask('POST', '/_purge', { other: [other] })).body.purged, { other: [other] });
    });

    it('is no change', async (t) => {
      const { ask, put } = await open(t);
      const [a, b] = [await put('a'), await put('b', { v: 1 })];
      const { last_seq: since } = (await ask('GET', '/_changes?since=now&limit=0')).body;
      await ask('POST', '/_purge', { a: [a] });
      assert.deepEqual((await ask('GET', `/_changes?since=${since}`)).body.results, []);
      const { results } = (await ask('GET', '/_changes')).body;
      assert.deepEqual(
        results.map(({ id, changes }) => [id, changes]),
        [['b', [{ rev: b }]]],
      );
    });

    it('lets a write with the revision that it removed through', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('a');
      await ask('POST', '/_purge', { a: [rev] });
      assert.equal(generationOf(await put('a', { _rev: rev })), 2);
    });

    it('gives the same content the same revision again', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('a', { v: 1 });
      await ask('POST', '/_purge', { a: [rev] });
      assert.equal(await put('a', { v: 1 }), rev);
    });

    it('takes at most 100 ids and 1000 revisions', async (t) => {
      const { ask } = await open(t);
      const ids = (count) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`x${n}`, ['1-a']]));
      assert.equal((await ask('POST', '/_purge', ids(100))).status, 201);
      const documents = 'Exceeded maximum number of documents.';
      refused(await ask('POST', '/_purge', ids(101)), 400, 'bad_request', documents);
      const revs = { x: Array.from({ length: 1001 }, (_, n) => `1-${n}`) };
      refused(
        await ask('POST', '/_purge', revs),
        400,
        'bad_request',
        'Exceeded maximum number of revisions.',
      );
      refused(await ask('POST', '/_purge', { a: ['x'] }), 400, 'bad_request', 'Invalid rev format');
      refused(await ask('POST', '/_purge', { a: '1-b' }), 400, 'bad_request', 'Invalid list of revisions');
      answered(await ask('POST', '/_purge', {}), 201, { purge_seq: null, purged: {} });
    });
  });
}

module.exports = { bulk };
