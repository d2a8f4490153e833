'use strict';

// One database in memory: documents with their revisions, and the order in which they changed.

const { createHash, randomBytes } = require('node:crypto');
const { EventEmitter } = require('node:events');

const { compareIds } = require('./collation.js');
const { generation, parseDocument } = require('./documents.js');

const DEFAULT_REVS_LIMIT = 1000;

/**
 * @typedef {object} Revision
 * @property {string} rev
 * @property {boolean} deleted
 * @property {Record<string, any> | undefined} body `undefined` after a compaction
 */

/**
 * @typedef {object} Entry replaced as a whole by every change
 * @property {string} id
 * @property {number} seq
 * @property {readonly Revision[]} revisions the newest first
 */

/** Emits `change` soon after documents changed, however many, and `end` when it is deleted. */
class Database extends EventEmitter {
  revsLimit = DEFAULT_REVS_LIMIT;
  /** @type {any} as it was PUT to `_security` */
  security = null;
  destroyed = false;
  purges = 0;
  name;
  instanceStartTime;
  /** Tells databases of one name apart; every sequence holds it. */
  uuid = randomBytes(16).toString('hex');
  updateSeq = 0;
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** The ids by the sequence of their last change, in that order. @type {Map<number, string>} */
  #changes = new Map();
  /** @type {string[] | null} */
  #sorted = null;
  #noticed = false;
  /** Whether a revision of a document that does not exist is a conflict. */
  #checking = true;
  #strict;

  /**
   * @param {string} name
   * @param {{ now?: () => number, strict?: boolean }} [options] `strict`: a revision of a document that
   *   does not exist is a conflict always
   */
  constructor(name, { now = Date.now, strict = false } = {}) {
    super();
    // Any number of feeds may follow it.
    this.setMaxListeners(0);
    this.name = name;
    this.#strict = strict;
    // Whole seconds: a database that is deleted and created within one has the same time again.
    this.instanceStartTime = `${Math.floor(now() / 1000)}`;
  }

  get count() {
    return this.ids().length;
  }

  get deletedCount() {
    return this.#entries.size - this.count;
  }

  /** The ids of what is not deleted, by code points. */
  ids() {
    this.#sorted ??= [...this.#entries.values()]
      .filter(({ revisions }) => !revisions[0].deleted)
      .map(({ id }) => id)
      .sort(compareIds);
    return this.#sorted;
  }

  entry(id) {
    return this.#entries.get(id);
  }

  /** The document as a client gets it, or `undefined`; a deleted one only by its revision. */
  read(id, rev) {
    const revisions = this.#entries.get(id)?.revisions ?? [];
    const found = rev === undefined ? revisions[0] : revisions.find((each) => each.rev === rev);
    if (found?.body === undefined || (rev === undefined && found.deleted)) return undefined;
    return asDocument(id, found);
  }

  /** The newest revision, of a deleted document too. */
  latest(id) {
    const newest = this.#entries.get(id)?.revisions[0];
    return newest && asDocument(id, newest);
  }

  /** All documents that are not deleted, by id. */
  documents() {
    return this.ids().map((id) => this.read(id));
  }

  /**
   * Stores a document the way a PUT does.
   *
   * @param {{ id: string, rev: string | null, deleted: boolean, body: Record<string, any> }} document
   * @returns {string | null} the new revision; `null` is a conflict
   */
  update({ id, rev, deleted, body }) {
    const revisions = this.#entries.get(id)?.revisions ?? [];
    const newest = revisions[0];
    if (newest === undefined) {
      // CouchDB finds out that there is no such revision only until a shard, which is all of a database
      // here, has taken its first write since it was opened. From then on the revision counts as the
      // parent: that of a document that has been purged, or of an earlier database.
      if (rev !== null && this.#checking) return null;
    } else if (newest.deleted) {
      // Only a write without any revision revives a deleted document.
      if (rev !== null || deleted) return null;
    } else if (rev !== newest.rev) return null;
    const parent = newest?.rev ?? rev;
    this.#checking = this.#strict;
    const created = { rev: nextRev(parent, deleted, body), deleted, body };
    const past =
      newest === undefined && parent !== null ? [{ rev: parent, deleted: false, body: undefined }] : [];
    this.#store(id, [created, ...past, ...revisions].slice(0, this.revsLimit));
    return created.rev;
  }

  /** A write by somebody else who never conflicts: `{ _id, _deleted?, … }`. */
  write(json) {
    const { id, deleted, body } = parseDocument(json);
    const newest = this.latest(id);
    const rev = newest === undefined || newest._deleted ? null : newest._rev;
    return this.update({ id, rev, deleted, body });
  }

  /** Removes leaf revisions and all that is known of them; answers with those that were. */
  purge(id, revs) {
    this.purges += 1;
    const entry = this.#entries.get(id);
    if (entry === undefined || !revs.includes(entry.revisions[0].rev)) return [];
    this.#entries.delete(id);
    this.#changes.delete(entry.seq);
    this.#sorted = null;
    // So that indexes see that something happened; no change has this number.
    this.updateSeq += 1;
    return [entry.revisions[0].rev];
  }

  /** Forgets the bodies of old revisions. */
  compact() {
    for (const [id, entry] of this.#entries) {
      const [newest, ...old] = entry.revisions;
      const revisions = [newest, ...old.map((each) => ({ ...each, body: undefined }))];
      this.#entries.set(id, { ...entry, revisions });
    }
  }

  /**
   * The documents that changed after `since`, each with its newest change.
   *
   * @param {number} since
   */
  changes(since) {
    const rows = [];
    for (const [seq, id] of this.#changes) {
      if (seq <= since) continue;
      const [{ rev, deleted }] = /** @type {Entry} */ (this.#entries.get(id)).revisions;
      rows.push({ seq, id, rev, deleted });
    }
    return rows;
  }

  /** A sequence as clients get it. */
  pack(seq) {
    return `${seq}-${Buffer.from(JSON.stringify([this.uuid, seq])).toString('base64url')}`;
  }

  /** The number of a sequence: 0 if it is that of an earlier database; `null` if it is none. */
  unpack(text) {
    if (text === 'now') return this.updateSeq;
    if (text === undefined || text === '0') return 0;
    try {
      const opaque = text.replaceAll('"', '').replace(/^\d+-/, '');
      const [uuid, seq] = JSON.parse(Buffer.from(opaque, 'base64url').toString());
      return uuid === this.uuid ? seq : 0;
    } catch {
      return null;
    }
  }

  /** Runs `work` and takes back what it did to the documents. */
  undone(work) {
    const before = [new Map(this.#entries), new Map(this.#changes), this.updateSeq, this.#noticed];
    try {
      return work();
    } finally {
      this.#sorted = null;
      // @ts-expect-error the types of the four
      [this.#entries, this.#changes, this.updateSeq, this.#noticed] = before;
    }
  }

  destroy() {
    this.destroyed = true;
    this.emit('end');
  }

  info() {
    const size = this.documents().reduce((sum, document) => sum + JSON.stringify(document).length, 0);
    return {
      instance_start_time: this.instanceStartTime,
      db_name: this.name,
      purge_seq: this.pack(this.purges),
      update_seq: this.pack(this.updateSeq),
      sizes: { file: size + 16_730, external: size, active: size },
      props: {},
      doc_del_count: this.deletedCount,
      doc_count: this.count,
      disk_format_version: 8,
      compact_running: false,
      cluster: { q: 2, n: 1, w: 1, r: 1 },
    };
  }

  #store(id, revisions) {
    const before = this.#entries.get(id);
    if (before) this.#changes.delete(before.seq);
    this.updateSeq += 1;
    this.#entries.set(id, { id, seq: this.updateSeq, revisions });
    this.#changes.set(this.updateSeq, id);
    this.#sorted = null;
    if (this.#noticed) return;
    this.#noticed = true;
    queueMicrotask(() => {
      // What was undone since then is nobody's business.
      if (!this.#noticed) return;
      this.#noticed = false;
      this.emit('change');
    });
  }
}

/** As in CouchDB the same content on the same parent has the same revision, whatever the document's id. */
function nextRev(parent, deleted, body) {
  const start = parent === null ? 0 : generation(parent);
  const digest = createHash('md5')
    .update(JSON.stringify([deleted, parent, body]))
    .digest('hex');
  return `${start + 1}-${digest}`;
}

function asDocument(id, { rev, deleted, body }) {
  return { _id: id, _rev: rev, ...body, ...(deleted ? { _deleted: true } : {}) };
}

module.exports = { Database };
