'use strict';

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');

const { answered, conflicted, generationOf, refused } = require('./expect.js');

const UNKNOWN = `1-${'0'.repeat(32)}`;

/** @param {import('./agreement.js').Open} open */
function documents(open) {
  describe('a document', () => {
    it('is created, read, changed and deleted by its revisions', async (t) => {
      const { ask } = await open(t);
      refused(await ask('GET', '/a'), 404, 'not_found', 'missing');
      const created = await ask('PUT', '/a', { v: 1 });
      const { rev } = created.body;
      assert.equal(generationOf(rev), 1);
      answered(created, 201, { ok: true, id: 'a', rev });
      assert.equal(created.headers.get('etag'), `"${rev}"`);
      const read = await ask('GET', '/a');
      answered(read, 200, { _id: 'a', _rev: rev, v: 1 });
      assert.equal(read.headers.get('etag'), `"${rev}"`);
      assert.equal((await ask('GET', '/a', undefined, { 'if-none-match': `"${rev}"` })).status, 304);

      const changed = await ask('PUT', `/a?rev=${rev}`, { v: 2 });
      assert.equal(generationOf(changed.body.rev), 2);
      const deleted = await ask('DELETE', '/a', undefined, { 'if-match': `"${changed.body.rev}"` });
      assert.equal(generationOf(deleted.body.rev), 3);
      answered(deleted, 200, { ok: true, id: 'a', rev: deleted.body.rev });
      refused(await ask('GET', '/a'), 404, 'not_found', 'deleted');
      refused(await ask('DELETE', `/a?rev=${deleted.body.rev}`), 404, 'not_found', 'deleted');
      answered(await ask('GET', `/a?rev=${deleted.body.rev}`), 200, {
        _id: 'a',
        _rev: deleted.body.rev,
        _deleted: true,
      });
    });

    it('conflicts with whoever does not know its revision', async (t) => {
      const { ask, put } = await open(t);
      const first = await put('a');
      const second = await put('a', { _rev: first, v: 2 });
      for (const rev of [first, UNKNOWN, '2-x']) {
        conflicted(await ask('PUT', '/a', { _rev: rev }));
        conflicted(await ask('DELETE', `/a?rev=${rev}`));
      }
      conflicted(await ask('PUT', '/a', {}));
      conflicted(await ask('PUT', '/a', { _rev: first, v: 2 }));
      conflicted(await ask('DELETE', '/a'));
      refused(await ask('DELETE', '/b'), 404, 'not_found', 'missing');
      assert.equal((await ask('GET', '/a')).body._rev, second);
    });

    it('has one creator, also when all of them write the same', async (t) => {
      const { ask } = await open(t);
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask('PUT', '/a', { v: 1 })));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [201, ...Array(7).fill(409)]);
    });

    it('that is deleted is revived without a revision, and only so', async (t) => {
      const { ask, put } = await open(t);
      const { rev } = (await ask('DELETE', `/a?rev=${await put('a')}`)).body;
      conflicted(await ask('PUT', '/a', { _rev: rev }));
      conflicted(await ask('PUT', '/a', { _deleted: true }));
      assert.equal(generationOf(await put('a', { v: 2 })), 3);
      const { _revisions } = (await ask('GET', '/a?revs=true')).body;
      assert.deepEqual([_revisions.start, _revisions.ids.length], [3, 3]);
    });

    it('can be deleted without ever having been there', async (t) => {
      const { ask } = await open(t);
      const { status, body } = await ask('PUT', '/a', { _deleted: true, v: 1 });
      assert.equal(status, 200);
      refused(await ask('GET', '/a'), 404, 'not_found', 'deleted');
      const left = { _id: 'a', _rev: body.rev, v: 1, _deleted: true };
      answered(await ask('GET', `/a?rev=${body.rev}`), 200, left);
    });

    it('that is not there is created by a write with a revision', async (t) => {
      const { ask, put } = await open(t);
      // Each part of a database has been written to: until then it would be a conflict.
      for (let n = 0; n < 20; n += 1) await put(`x${n}`);
      assert.equal(generationOf(await put('a', { _rev: `4-${'0'.repeat(32)}` })), 5);
      refused(await ask('DELETE', `/b?rev=${UNKNOWN}`), 404, 'not_found', 'missing');
    });

    it('has the same revision as another one with the same content', async (t) => {
      const { put } = await open(t);
      const [a, b] = [await put('a', { v: 1 }), await put('b', { v: 1 })];
      assert.equal(a, b);
      assert.equal(await put('a', { v: 2, _rev: a }), await put('b', { v: 2, _rev: b }));
    });

    it('is read by its revision', async (t) => {
      const { ask, put } = await open(t);
      const first = await put('a', { v: 1 });
      await put('a', { v: 2, _rev: first });
      answered(await ask('GET', `/a?rev=${first}`), 200, { _id: 'a', _rev: first, v: 1 });
      refused(await ask('GET', `/a?rev=${UNKNOWN}`), 404, 'not_found', 'missing');
      for (const [method, path] of [
        ['GET', '/a?rev=x'],
        ['DELETE', '/a?rev=x'],
        ['PUT', '/a?rev=x'],
      ]) {
        refused(
          await ask(method, path, method === 'PUT' ? {} : undefined),
          400,
          'bad_request',
          'Invalid rev format',
        );
      }
    });

    it('has one revision in a request', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('a');
      const query = 'Document rev from request body and query string have different values';
      refused(await ask('PUT', `/a?rev=${UNKNOWN}`, { _rev: rev }), 400, 'bad_request', query);
      const tag = 'Document rev and etag have different values';
      refused(await ask('PUT', '/a', { _rev: rev }, { 'if-match': UNKNOWN }), 400, 'bad_request', tag);
    });

    it('has the id of the URL, decoded', async (t) => {
      const { ask } = await open(t);
      for (const [path, id] of [
        ['a%2Fb', 'a/b'],
        ['a+b', 'a b'],
        ['a%2Bb', 'a+b'],
        ['%C3%A9', 'é'],
        ['%F0%9F%98%80', '\u{1F600}'],
        ['a%3Fb%23c%25', 'a?b#c%'],
        ['a%00b', 'a\0b'],
      ]) {
        assert.equal((await ask('PUT', `/${path}`, { _id: 'other' })).body.id, id);
        assert.equal((await ask('GET', `/${path}`)).body._id, id);
      }
      refused(await ask('GET', '/a%zz'), 400, 'bad_request', 'invalid_url_encoding');
      refused(await ask('PUT', '/%ff', {}), 400, 'illegal_docid', 'Document id must be valid UTF-8');
    });

    it('may not have any id', async (t) => {
      const { ask } = await open(t);
      // These are lost in URLs, by whoever makes them.
      const docs = ['.', '..'].map((_id) => ({ _id }));
      assert.ok((await ask('POST', '/_bulk_docs', { docs })).body.every(({ ok }) => ok));
      const reason = 'Only reserved document ids may start with underscore.';
      refused(await ask('PUT', '/_x', {}), 400, 'illegal_docid', reason);
      refused(await ask('GET', '/_x'), 404, 'not_found', 'missing');
    });

    it('may not have any member', async (t) => {
      const { ask } = await open(t);
      const member = (name) => ['doc_validation', `Bad special document member: ${name}`];
      for (const [body, [error, reason]] of /** @type {[any, string[]][]} */ ([
        [{ _x: 1 }, member('_x')],
        [{ _deleted: 1 }, member('_deleted')],
        [{ _rev: 'x' }, ['bad_request', 'Invalid rev format']],
        ['[]', ['bad_request', 'Document must be a JSON object']],
        ['{', ['bad_request', 'invalid UTF-8 JSON']],
        ['{"n":1e400}', ['bad_request', 'invalid UTF-8 JSON']],
        ['{"s":"\\ud800"}', ['bad_request', 'invalid UTF-8 JSON']],
        [Buffer.from('{"s":"\xff"}', 'latin1'), ['bad_request', 'invalid UTF-8 JSON']],
      ])) {
        refused(await ask('PUT', '/a', body), 400, error, reason);
      }
      refused(await ask('GET', '/a'), 404, 'not_found', 'missing');
    });

    it('has at most 8,000,000 bytes, without its id and revision', async (t) => {
      const { ask } = await open(t);
      // {"v":"…"} has twelve bytes in the way in which CouchDB counts.
      const most = 8_000_000 - 8;
      assert.equal((await ask('PUT', '/fits', { v: 'x'.repeat(most) })).status, 201);
      refused(await ask('PUT', '/big', { v: 'x'.repeat(most + 1) }), 413, 'document_too_large', '');
      // Not what is sent counts, but what it says.
      assert.equal((await ask('PUT', '/escaped', { v: '"'.repeat(4_100_000) })).status, 201);
      assert.equal((await ask('PUT', '/wide', { v: 'é'.repeat(most / 2 + 1) })).status, 413);
    });

    it('that is refused unread costs the connection', async (t) => {
      const { ask } = await open(t);
      const closes = async (path) => {
        const { headers } = await ask('PUT', path, {}, { connection: 'keep-alive' });
        return headers.get('connection') === 'close';
      };
      assert.deepEqual([await closes('/a'), await closes('/a'), await closes('/_x')], [false, false, true]);
    });

    it('has no attachments', async (t) => {
      const { ask, put } = await open(t);
      await put('a');
      assert.equal((await ask('GET', '/a/b')).status, 404);
    });
  });
}

module.exports = { documents };
