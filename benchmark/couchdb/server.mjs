/**
 * The CouchDB that COUCHDB_URL names, with the name and password of an administrator. It is not the
 * benchmark's to start or stop: databases of its own are all that it makes there, and it deletes them.
 */
import { randomBytes } from 'node:crypto';

/** Why there is nothing to measure with, or null. */
export function unavailable() {
  return process.env.COUCHDB_URL ? null : 'COUCHDB_URL names no CouchDB to measure with';
}

/** Resolves to `{ url, version, counters, expiring, drop }`. */
export async function reach() {
  const { COUCHDB_URL } = process.env;
  // The error of `new URL` shows what it was given, and so the password.
  if (!URL.canParse(COUCHDB_URL)) throw new TypeError('COUCHDB_URL is not a URL');
  const { origin, pathname, username, password } = new URL(COUCHDB_URL);
  const login = [username, password].map(decodeURIComponent).join(':');
  const headers = { authorization: `Basic ${Buffer.from(login).toString('base64')}` };
  const root = origin + pathname.replace(/\/+$/, '');

  const ask = async (method, path, missing) => {
    const response = await fetch(root + path, { method, headers });
    if (response.status === 404 && missing) return missing;
    if (!response.ok) throw new Error(`CouchDB answers ${method} ${path} with ${response.status}`);
    return response.json();
  };

  const { version } = await ask('GET', '/');
  return {
    url: COUCHDB_URL,
    version,
    /** What the server has counted up to now, and not up to some seconds ago. */
    async counters() {
      const stats = await ask('GET', '/_node/_local/_stats/couchdb?flush=true');
      return { reads: stats.database_reads.value, writes: stats.document_writes.value };
    },
    /** How many documents of the database are found by the view of what expires, which both contenders make. */
    async expiring(database) {
      return (await ask('GET', `/${database}/_design/cache/_view/expired?limit=0`)).total_rows;
    },
    drop: (database) => ask('DELETE', `/${database}`, {}),
  };
}

/** A name that no database has yet. */
export const freshName = () => `bench-${randomBytes(8).toString('hex')}`;
