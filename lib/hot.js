'use strict';

/**
 * The hot tier: decoded values of the keys that this session reads most, valid without asking the core.
 *
 * A value comes with generations in memory that the core shares (src/core/driver/memory/copies.rs). While they are
 * what they were, nothing has happened to the key that a read could notice, on whatever thread; so a hit is two
 * look-ups. `Atomics.load` it must be: other threads write there.
 *
 * Bounded in entries and in bytes; what was not used for longest goes first, roughly (the clock algorithm). The core
 * is told which keys were used, so that it does not take them for forgotten: each once an era, which the core ends
 * when an eighth of its entries have come or gone. In a tiny store the era never ends: there every use is told,
 * before anything else is asked, and the order of use is exact.
 */

const { frozen } = require('./frozen.js');
const { binding } = require('./native.js');
const { Kept } = require('./recent.js');

/** Where the era is, and the one in which every use is told; as src/core/driver/memory/generations.rs has them. */
const ERA = 0;
const EXACT = 0;

/** The mark of an entry that cannot be handed out without a further look. */
const UNMARKED = -1;

/** Keys of which the core is told at once. */
const MOST_TOLD = 64;

/**
 * Where there is no room, one of so many values is kept: keys that are read in turn, and are too many, would otherwise
 * push each other out before any of them is read again, and making an entry costs more than a copy.
 */
const ONE_OF = 8;

/** What an entry is taken to cost on the heap, beside its key and its value (docs/memory.md). */
const OVERHEAD = 320;
/** What a value is taken to cost, of the length of its text. */
const SHARE = 3;

/** A value that is kept. What a hit looks at comes first: that is one line of memory. */
class Entry extends Kept {
  /**
   * @param {string} name
   * @param {unknown} value
   * @param {Int32Array} permit what it is valid under
   * @param {boolean} shared whether all readers get the value itself
   * @param {number} bytes
   */
  constructor(name, value, permit, shared, bytes) {
    super(value);
    /** For every reader, if the value is. */
    this.promise = shared ? Promise.resolve(value) : undefined;
    this.place = permit[1];
    this.generation = permit[2];
    /** The era in which it was found to be in use; then nothing is to be done for a hit. */
    this.mark = UNMARKED;
    this.value = value;
    this.name = name;
    this.bytes = bytes;
    /** Whether it was used since the hand passed. */
    this.used = true;
    /** The era in which the core was told of it last. */
    this.told = UNMARKED;
    /** Places and generations of its tags, in turn. */
    this.tags = permit[0] > 1 ? permit.slice(3, 1 + permit[0] * 2) : undefined;
  }

  /** @override */
  copy() {
    return this.promise === undefined ? super.copy() : this.value;
  }
}

/** @typedef {{ entries: number; bytes: number }} Most */

class Hot {
  /** What `ready` may hand out: the entries, unless somebody listens to hits. @type {Map<string, Entry>} */
  #open = new Map();
  /** @type {Map<string, Entry>} */
  #entries = this.#open;
  /** @type {Int32Array} */
  #words;
  /** @type {Float64Array} */
  #hits;
  /** @type {Int32Array} */
  #permit;
  /** @type {number} */
  #handle;
  /** @type {boolean} */
  #frozen;
  /** @type {Most} */
  #most;
  #bytes = 0;
  /** How many values found no room. */
  #refused = 0;
  /** The hand of the clock: whom it finds unused goes. */
  #hand = this.#entries.values();
  /** Keys that were used, of which the core has not been told. @type {string[]} */
  #untold = [];
  #untoldEra = UNMARKED;

  /**
   * @param {number} handle
   * @param {readonly ArrayBuffer[]} shared by `binding.share`
   * @param {boolean} isFrozen whether readers get the value itself
   * @param {Most} most
   */
  constructor(handle, [words, permit, hits], isFrozen, most) {
    this.#handle = handle;
    this.#words = new Int32Array(words);
    this.#permit = new Int32Array(permit);
    this.#hits = new Float64Array(hits);
    this.#frozen = isFrozen;
    this.#most = most;
  }

  /**
   * The promise of a value, if it is at hand and nobody listens.
   *
   * @param {string} name
   * @returns {Promise<unknown> | undefined}
   */
  ready(name) {
    const entry = this.#open.get(name);
    if (entry === undefined || Atomics.load(this.#words, entry.place) !== entry.generation) return undefined;
    // The era is no more than a hint: it may be read as it comes.
    if (entry.mark !== this.#words[ERA] && !this.#isWhole(entry)) return undefined;
    this.#hits[0] += 1;
    const { promise } = entry;
    return promise === undefined ? Promise.resolve(entry.copy()) : promise;
  }

  /**
   * The entry of a key, if it is valid.
   *
   * @param {string} name
   */
  find(name) {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    if (Atomics.load(this.#words, entry.place) === entry.generation && this.#isWhole(entry)) {
      this.#hits[0] += 1;
      return entry;
    }
    this.#remove(entry);
    return undefined;
  }

  /**
   * Keeps what the core has just answered, if that is worth while; answers how it is to be read.
   *
   * @param {string} name
   * @param {import('./native.js').Payload} payload
   * @returns {import('./native.js').Payload}
   */
  keep(name, payload) {
    if (this.#permit[0] === 0 || typeof payload !== 'string') return payload;
    const bytes = OVERHEAD + name.length + payload.length * SHARE;
    // One value is not to push out all others.
    if (bytes > this.#most.bytes / 4) return payload;
    const old = this.#entries.get(name);
    if (old === undefined && !this.#hasRoom(bytes) && ++this.#refused % ONE_OF !== 0) return payload;
    let value;
    try {
      value = JSON.parse(payload);
    } catch {
      // Whoever decodes it says so.
      return payload;
    }
    const shared = this.#frozen || typeof value !== 'object' || value === null;
    const entry = new Entry(name, this.#frozen ? frozen(value) : value, this.#permit, shared, bytes);
    // The core has just seen it used.
    entry.told = this.#words[ERA] === EXACT ? UNMARKED : this.#words[ERA];
    if (old !== undefined) this.#remove(old);
    this.#entries.set(name, entry);
    this.#bytes += bytes;
    this.#bound();
    return entry;
  }

  /** Tells the core which keys were used. */
  tell() {
    const names = this.#untold;
    if (names.length === 0) return;
    this.#untold = [];
    binding.used(this.#handle, names);
  }

  /**
   * Says whether hits are to be told, one by one.
   *
   * @param {boolean} heard
   */
  listen(heard) {
    this.#open = heard ? new Map() : this.#entries;
  }

  /** Forgets everything. */
  clear() {
    this.#entries.clear();
    this.#untold = [];
    this.#bytes = 0;
  }

  /**
   * Whether an entry whose key has not changed is valid; notes that it is used.
   *
   * @param {Entry} entry
   */
  #isWhole(entry) {
    const { tags } = entry;
    if (tags !== undefined) {
      for (let at = 0; at < tags.length; at += 2) {
        if (Atomics.load(this.#words, tags[at]) !== tags[at + 1]) return false;
      }
    }
    const era = this.#words[ERA];
    entry.used = true;
    if (entry.told !== era) {
      entry.told = era === EXACT ? UNMARKED : era;
      this.#use(entry.name, era);
    }
    if (tags === undefined && era !== EXACT) entry.mark = era;
    return true;
  }

  /**
   * A key was used, in an era of which the core does not know it.
   *
   * @param {string} name
   * @param {number} era
   */
  #use(name, era) {
    // What is told an era late is told too late.
    if (this.#untoldEra !== era) this.tell();
    this.#untoldEra = era;
    this.#untold.push(name);
    if (this.#untold.length >= MOST_TOLD) this.tell();
  }

  /** @param {number} bytes */
  #hasRoom(bytes) {
    const { entries, bytes: most } = this.#most;
    return this.#entries.size < entries && this.#bytes + bytes <= most;
  }

  /** Lets entries go until the bounds hold. */
  #bound() {
    while (this.#entries.size > this.#most.entries || this.#bytes > this.#most.bytes) {
      const { value: entry, done } = this.#hand.next();
      if (done === true) this.#hand = this.#entries.values();
      else if (entry.used) {
        entry.used = false;
        entry.mark = UNMARKED;
      } else this.#remove(entry);
    }
  }

  /** @param {Entry} entry */
  #remove(entry) {
    this.#entries.delete(entry.name);
    this.#bytes -= entry.bytes;
  }
}

/**
 * The hot tier of a session, where there is one.
 *
 * @param {number} handle
 * @param {import('./options.js').HotTerms | undefined} terms
 * @returns {Hot | undefined}
 */
function hotOf(handle, terms) {
  if (terms === undefined) return undefined;
  const shared = binding.share(handle);
  return shared === undefined ? undefined : new Hot(handle, shared, terms.frozen, terms);
}

exports.hotOf = hotOf;
