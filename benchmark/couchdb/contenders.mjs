/**
 * What is compared: the driver, and the cache plugin that an app writes on CouchDB's client for Node.js.
 *
 * `open({ url, database })` makes the database and resolves to `{ get, put, many?, remember?, decodes, close }`,
 * all of which return promises. Values live for one hour. Packages are imported by `open`: a process holds one
 * contender alone.
 */
import { versionsOf } from '../remote/contenders.mjs';

const HOUR_MS = 3_600_000;

const ferrocache = {
  name: 'ferrocache',
  setup: "`new Cache({ driver: 'couchdb', config: { url, database } })`; `many` gives a Map",
  package: '../../package.json',
  async open({ url, database }) {
    const { Cache } = await import('../../index.js');
    // The default TTL is one hour. Failing open would let an error pass as a very fast miss.
    const cache = new Cache({ driver: 'couchdb', failOpen: false, config: { url, database } });
    await cache.ready();
    return {
      decodes: true,
      get: (key) => cache.get(key),
      many: (keys) => cache.many(keys),
      inOrder: (keys, found) => keys.map((key) => found.get(key)),
      put: (key, value) => cache.put(key, value),
      remember: (key, factory) => cache.remember(key, factory),
      close: () => cache.close(),
    };
  },
};

/**
 * A document for each key, which holds the value as it is: reading is a GET, writing a GET for the revision and
 * a PUT. Failures reject, as they do above.
 */
const nanoPlugin = {
  name: 'nano plugin',
  setup: '`nano(url).use(database)`, and the code below',
  package: '../../node_modules/nano/package.json',
  async open({ url, database }) {
    const { default: nano } = await import('nano');
    const server = nano(url);
    const documents = server.use(database);
    try {
      await server.db.get(database);
    } catch (error) {
      unlessMissing(error);
      await server.db.create(database);
    }
    await documents.insert({ _id: '_design/cache', views: { expired: { map: EXPIRED } } });
    return {
      decodes: true,
      async get(key) {
        try {
          const found = await documents.get(key);
          if (found.expiresAt && Date.now() > found.expiresAt) {
            await documents.destroy(found._id, found._rev);
            return null;
          }
          return found.value;
        } catch (error) {
          unlessMissing(error);
          return null;
        }
      },
      async put(key, value) {
        const expiresAt = Date.now() + HOUR_MS;
        let before;
        try {
          before = await documents.get(key);
        } catch (error) {
          unlessMissing(error);
        }
        await documents.insert({ _id: key, _rev: before?._rev, value, expiresAt, updatedAt: Date.now() });
        return true;
      },
      // Its connections are kept open by the process, which ends next.
      close: async () => {},
    };
  },
};

const EXPIRED = 'function (doc) { if (doc.expiresAt) emit(doc.expiresAt, doc._rev); }';

function unlessMissing(error) {
  if (error.statusCode !== 404) throw error;
}

/** In the order of the tables. */
export const contenders = [ferrocache, nanoPlugin];

export const OWN = ferrocache.name;
export const PLUGIN = nanoPlugin.name;

export function contender(name) {
  const found = contenders.find((candidate) => candidate.name === name);
  if (!found) throw new Error(`there is no CouchDB contender "${name}"`);
  return found;
}

/** The installed version of each; the plugin's is nano's. */
export const versions = () => versionsOf(contenders);
