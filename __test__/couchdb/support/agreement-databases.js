'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { describe, it } = require('node:test');

const { request } = require('./client.js');
const { answered, refused } = require('./expect.js');

const OK = { ok: true };
const MISSING = 'Database does not exist.';

/** @param {import('./agreement.js').Open} open */
function databases(open) {
  describe('a server', () => {
    it('says what it is, and that it is up', async (t) => {
      const { url } = await open(t);
      const { status, body, headers } = await request(url, 'GET', '/');
      assert.equal(status, 200);
      assert.equal(body.couchdb, 'Welcome');
      assert.match(body.version, /^3\.5\./);
      assert.ok(Number.isFinite(Date.parse(`${headers.get('date')}`)));
      answered(await request(url, 'GET', '/_up'), 200, { status: 'ok', seeds: {} });
      const { body: seen } = await request(url, 'POST', '/', {});
      assert.equal(seen.error, 'method_not_allowed');
    });

    it('refuses a request line of more than 8192 bytes without a word', async (t) => {
      const { ask, put } = await open(t);
      await put('x'.repeat(7900));
      for (const length of [8180, 9000]) {
        const answer = await ask('GET', `/${'x'.repeat(length)}`);
        assert.deepEqual([answer.status, answer.text], [400, '']);
      }
    });
  });

  describe('a database', () => {
    it('is created once', async (t) => {
      const { ask } = await open(t);
      const reason = 'The database could not be created, the file already exists.';
      refused(await ask('PUT', ''), 412, 'file_exists', reason);
    });

    it('has a name that is one', async (t) => {
      const { url } = await open(t);
      for (const name of ['Name', '1a', 'a.b']) {
        const { status, body } = await request(url, 'PUT', `/${name}`);
        assert.deepEqual([status, body.error], [400, 'illegal_database_name']);
        refused(await request(url, 'GET', `/${name}`), 404, 'not_found', MISSING);
      }
      const { status, body } = await request(url, 'PUT', `/${'a'.repeat(239)}`);
      assert.deepEqual([status, body.error], [400, 'database_name_too_long']);
    });

    it('may have a slash in its name', async (t) => {
      const { url, name } = await open(t);
      const path = `/${name}%2Fb`;
      t.after(() => request(url, 'DELETE', path));
      answered(await request(url, 'PUT', path), 201, OK);
      assert.equal((await request(url, 'GET', path)).body.db_name, `${name}/b`);
    });

    it('tells what it holds', async (t) => {
      const { ask, put, name } = await open(t);
      const rev = await put('a');
      await put('b');
      await ask('DELETE', `/a?rev=${rev}`);
      const { body, status } = await ask('GET', '');
      assert.equal(status, 200);
      assert.deepEqual([body.db_name, body.doc_count, body.doc_del_count], [name, 1, 1]);
      assert.match(body.instance_start_time, /^\d{10}$/);
      assert.match(body.update_seq, /^3-/);
      assert.deepEqual(Object.keys(body.sizes).sort(), ['active', 'external', 'file']);
      const head = await ask('HEAD', '');
      assert.deepEqual([head.status, head.text], [200, '']);
    });

    it('is gone when it is deleted, for all requests', async (t) => {
      const { ask } = await open(t);
      answered(await ask('DELETE', ''), 200, OK);
      assert.equal((await ask('HEAD', '')).status, 404);
      const requests = [
        ['DELETE', ''],
        ['GET', ''],
        ['GET', '/a'],
        ['PUT', '/a', {}],
        ['POST', '/_bulk_docs', { docs: [] }],
        ['POST', '/_bulk_get', { docs: [] }],
        ['GET', '/_all_docs'],
        ['GET', '/_design/cache/_view/expired'],
        ['POST', '/_purge', {}],
        ['GET', '/_changes'],
        ['GET', '/_changes?feed=continuous'],
        ['PUT', '/_revs_limit', '20'],
        ['POST', '/_compact', {}],
      ];
      for (const [method, path, body] of requests) {
        refused(await ask(`${method}`, `${path}`, body), 404, 'not_found', MISSING);
      }
    });

    it('is not deleted by who means a document', async (t) => {
      const { ask } = await open(t);
      const { status, body } = await ask('DELETE', '?rev=1-a');
      assert.deepEqual([status, body.error], [400, 'bad_request']);
    });

    it('keeps so many revisions', async (t) => {
      const { ask, put } = await open(t);
      answered(await ask('GET', '/_revs_limit'), 200, 1000);
      answered(await ask('PUT', '/_revs_limit', '2'), 200, OK);
      answered(await ask('GET', '/_revs_limit'), 200, 2);
      let rev = await put('a');
      for (let n = 0; n < 4; n += 1) rev = await put('a', { _rev: rev, n });
      const { _revisions } = (await ask('GET', '/a?revs=true')).body;
      assert.deepEqual([_revisions.start, _revisions.ids.length], [5, 2]);
      assert.equal((await ask('PUT', '/_revs_limit', '0')).status, 500);
    });

    it('forgets old bodies when it is compacted', async (t) => {
      const { ask, put } = await open(t);
      const rev = await put('a', { n: 1 });
      await put('a', { _rev: rev, n: 2 });
      answered(await ask('GET', `/a?rev=${rev}`), 200, { _id: 'a', _rev: rev, n: 1 });
      answered(await ask('POST', '/_compact', {}), 202, OK);
      const reason = 'Content-Type must be application/json';
      refused(await ask('POST', '/_compact'), 415, 'bad_content_type', reason);
    });
  });

  describe('rights', () => {
    const SERVER_ADMIN = 'You are not a server admin.';
    const WRONG = 'Name or password is incorrect.';

    /** Users of the server, who are removed again. */
    async function openWithUsers(t) {
      const { url, name } = await open(t);
      const users = {};
      for (const role of ['member', 'dbadmin', 'stranger']) {
        const user = `${role}-${randomBytes(6).toString('hex')}`;
        const path = `/_users/org.couchdb.user:${user}`;
        const document = { name: user, password: 'p:w', roles: [], type: 'user' };
        const { body } = await request(url, 'PUT', path, document);
        t.after(() => request(url, 'DELETE', `${path}?rev=${body.rev}`));
        users[role] = user;
      }
      const people = {
        admins: { names: [users.dbadmin], roles: [] },
        members: { names: [users.member], roles: [] },
      };
      answered(await request(url, 'PUT', `/${name}/_security`, people), 200, OK);
      const as = (user, password = 'p:w') => {
        const other = new URL(url);
        other.username = user ?? '';
        other.password = user === undefined ? '' : encodeURIComponent(password);
        return (method, path, body) => request(other.href, method, path, body);
      };
      return { as, users, name };
    }

    it('of nobody in particular are few', async (t) => {
      const { as, name } = await openWithUsers(t);
      const ask = as(undefined);
      assert.equal((await ask('GET', '/')).status, 200);
      assert.equal((await ask('GET', '/_up')).status, 200);
      refused(await ask('GET', '/no-such'), 404, 'not_found', MISSING);
      refused(await ask('PUT', `/${name}`), 401, 'unauthorized', SERVER_ADMIN);
      for (const path of ['', '/a', '/_all_docs', '/_changes', '/_revs_limit']) {
        const reason = 'You are not authorized to access this db.';
        refused(await ask('GET', `/${name}${path}`), 401, 'unauthorized', reason);
      }
    });

    it('of a member are to read and to write documents', async (t) => {
      const { as, users, name } = await openWithUsers(t);
      const ask = as(users.member);
      assert.equal((await ask('GET', `/${name}`)).status, 200);
      assert.equal((await ask('PUT', `/${name}/a`, {})).status, 201);
      assert.equal((await ask('GET', `/${name}/_revs_limit`)).status, 200);
      assert.equal((await ask('GET', `/${name}/_security`)).status, 200);
      assert.equal((await ask('GET', `/${name}/_changes`)).status, 200);
      for (const method of ['PUT', 'DELETE']) {
        refused(await ask(method, `/${name}`), 401, 'unauthorized', SERVER_ADMIN);
      }
      refused(await ask('PUT', `/${name}-other`), 401, 'unauthorized', SERVER_ADMIN);
      refused(await ask('POST', `/${name}/_purge`, {}), 401, 'unauthorized', SERVER_ADMIN);
      const admins = 'You are not a db or server admin.';
      refused(await ask('PUT', `/${name}/_design/a`, {}), 403, 'forbidden', admins);
      assert.deepEqual((await ask('POST', `/${name}/_bulk_docs`, { docs: [{ _id: '_design/a' }] })).body, [
        { id: '_design/a', error: 'forbidden', reason: admins },
      ]);
      assert.equal((await ask('PUT', `/${name}/_revs_limit`, '30')).status, 500);
      assert.equal((await ask('PUT', `/${name}/_security`, {})).status, 500);
      const both = 'You are not a server or db admin.';
      refused(await ask('POST', `/${name}/_compact`, {}), 401, 'unauthorized', both);
    });

    it("of a database's administrator are those of its settings", async (t) => {
      const { as, users, name } = await openWithUsers(t);
      const ask = as(users.dbadmin);
      assert.equal((await ask('PUT', `/${name}/_design/a`, {})).status, 201);
      answered(await ask('PUT', `/${name}/_revs_limit`, '30'), 200, OK);
      answered(await ask('POST', `/${name}/_compact`, {}), 202, OK);
      refused(await ask('POST', `/${name}/_purge`, {}), 401, 'unauthorized', SERVER_ADMIN);
      refused(await ask('PUT', `/${name}`), 401, 'unauthorized', SERVER_ADMIN);
    });

    it('of a stranger are none', async (t) => {
      const { as, users, name } = await openWithUsers(t);
      const ask = as(users.stranger);
      const reason = 'You are not allowed to access this db.';
      refused(await ask('GET', `/${name}`), 403, 'forbidden', reason);
      refused(await ask('POST', `/${name}/_bulk_docs`, { docs: [] }), 403, 'forbidden', reason);
      refused(await ask('PUT', `/${name}`), 401, 'unauthorized', SERVER_ADMIN);
    });

    it('are lost for a while after five wrong passwords', async (t) => {
      const { as, users, name } = await openWithUsers(t);
      refused(await as('nobody-of-this-name')('GET', '/'), 401, 'unauthorized', WRONG);
      for (let login = 0; login < 5; login += 1) {
        refused(await as(users.member, 'wrong')('GET', '/_up'), 401, 'unauthorized', WRONG);
      }
      const locked = 'Account is temporarily locked due to multiple authentication failures';
      for (const path of ['/', '/_up', `/${name}`]) {
        refused(await as(users.member)('GET', path), 403, 'forbidden', locked);
      }
      assert.equal((await as(users.dbadmin)('GET', `/${name}`)).status, 200);
    });
  });
}

module.exports = { databases };
