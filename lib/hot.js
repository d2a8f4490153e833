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

const { Entries, UNMARKED } = require('./hot-entries.js');
const { View } = require('./hot-view.js');
const { keptOf } = require('./kept.js');
const { binding } = require('./native.js');

/** Where the era is, and the one in which every use is told; as src/core/driver/memory/generations.rs has them. */
const ERA = 0;
const EXACT = 0;

/** Keys of which the core is told at once. */
const MOST_TOLD = 64;

/** Prefixes whose keys are noted at once. With more than that, most are used once. */
const MOST_VIEWS = 64;

/**
 * Where there is no room, one of so many values is kept: keys that are read in turn, and are too many, would otherwise
 * push each other out before any of them is read again, and making an entry costs more than a copy.
 */
const ONE_OF = 8;

/** What an entry is taken to cost on the heap, beside its key and its value (docs/memory.md). */
const OVERHEAD = 320;
/** What a value is taken to cost, of the length of its text. */
const SHARE = 3;

/** @typedef {import('./native.js').Payload} Payload */

/**
 * Where writes are gathered that a read must not pass.
 * @typedef {{ handOverWrites(): void }} Pending
 */

class Hot {
  #entries = new Entries();
  /** Whether somebody listens to hits: then none is short. */
  #heard = false;
  /** @type {Int32Array} */
  #words;
  /** @type {Float64Array} */
  #hits;
  /** @type {Int32Array} */
  #permit;
  /** @type {number} */
  #handle;
  /** By prefix: a namespace may be named anew for each call. @type {Map<string, View>} */
  #views = new Map();
  #terms;
  #pending;
  /** How many values found no room. */
  #refused = 0;
  /** Keys that were used, of which the core has not been told. @type {string[]} */
  #untold = [];
  #untoldEra = UNMARKED;

  /**
   * @param {number} handle
   * @param {readonly ArrayBuffer[]} shared by `binding.share`
   * @param {import('./options.js').HotTerms} terms
   * @param {Pending} pending
   */
  constructor(handle, [words, permit, hits], terms, pending) {
    this.#handle = handle;
    this.#words = new Int32Array(words);
    this.#permit = new Int32Array(permit);
    this.#hits = new Float64Array(hits);
    this.#terms = terms;
    this.#pending = pending;
  }

  /**
   * The hot tier as a cache sees it whose keys have a prefix.
   *
   * @param {string} prefix
   */
  view(prefix) {
    const known = this.#views.get(prefix);
    if (known !== undefined) return known;
    if (this.#views.size === MOST_VIEWS) this.#views.clear();
    const view = new View(this, this.#entries, this.#pending, prefix);
    this.#views.set(prefix, view);
    return view;
  }

  /**
   * The promise of the value at a place, if it is valid and nobody listens.
   *
   * @param {number} at
   * @returns {Promise<unknown> | undefined}
   */
  answer(at) {
    const entries = this.#entries;
    const { stamps } = entries;
    const stamp = at << 2;
    if (Atomics.load(this.#words, stamps[stamp]) !== stamps[stamp + 1] || this.#heard) return undefined;
    // The era is no more than a hint: it may be read as it comes.
    if (stamps[stamp + 2] !== this.#words[ERA] && !this.#isWhole(at)) return undefined;
    this.#hits[0] += 1;
    const shape = entries.shapes[at];
    const answer = entries.answers[at];
    return shape === undefined
      ? /** @type {Promise<unknown>} */ (answer)
      : Promise.resolve(shape.copy(answer));
  }

  /**
   * What is at hand, or what the core has in this process, which is kept if that is worth while.
   *
   * @param {string} name
   * @returns {Payload | null | undefined} as `binding.near`
   */
  near(name) {
    this.#pending.handOverWrites();
    const kept = this.#find(name);
    if (kept !== undefined) return kept;
    this.tell();
    const payload = binding.near(this.#handle, name);
    return typeof payload === 'string' ? this.#keep(name, payload) : payload;
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
    this.#heard = heard;
  }

  /** Forgets everything. */
  clear() {
    this.#entries.clear();
    this.#untold = [];
  }

  /** @param {string} name */
  #find(name) {
    const entries = this.#entries;
    const at = entries.places.get(name);
    if (at === undefined) return undefined;
    const { stamps } = entries;
    const stamp = at << 2;
    if (Atomics.load(this.#words, stamps[stamp]) === stamps[stamp + 1] && this.#isWhole(at)) {
      this.#hits[0] += 1;
      return entries.kept[at];
    }
    entries.remove(at);
    return undefined;
  }

  /**
   * Keeps what the core has just answered, if that is worth while; answers how it is to be read.
   *
   * @param {string} name
   * @param {string} text
   * @returns {Payload}
   */
  #keep(name, text) {
    const permit = this.#permit;
    if (permit[0] === 0) return text;
    const bytes = OVERHEAD + name.length + text.length * SHARE;
    const { most, frozen: isFrozen } = this.#terms;
    // One value is not to push out all others.
    if (bytes > most.bytes / 4) return text;
    const entries = this.#entries;
    const has = entries.places.has(name);
    if (!has && !entries.hasRoom(bytes, most) && ++this.#refused % ONE_OF !== 0) return text;
    const kept = keptOf(text, isFrozen);
    if (kept === undefined) return text;
    const era = this.#words[ERA];
    // The core has just seen it used.
    const told = era === EXACT ? UNMARKED : era;
    entries.put({ name, kept, bytes, told }, permit);
    entries.bound(most);
    return kept;
  }

  /**
   * Whether an entry whose key has not changed is valid; notes that it is used.
   *
   * @param {number} at
   */
  #isWhole(at) {
    const { stamps, used, tags: all, names } = this.#entries;
    const tags = all[at];
    if (tags !== undefined) {
      for (let tag = 0; tag < tags.length; tag += 2) {
        if (Atomics.load(this.#words, tags[tag]) !== tags[tag + 1]) return false;
      }
    }
    const era = this.#words[ERA];
    const stamp = at << 2;
    used[at] = 1;
    if (stamps[stamp + 3] !== era) {
      stamps[stamp + 3] = era === EXACT ? UNMARKED : era;
      this.#use(names[at], era);
    }
    if (tags === undefined && era !== EXACT) stamps[stamp + 2] = era;
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
}

/**
 * The hot tier of a session, where there is one.
 *
 * @param {number} handle
 * @param {import('./options.js').HotTerms | undefined} terms
 * @param {Pending} pending
 * @returns {Hot | undefined}
 */
function hotOf(handle, terms, pending) {
  if (terms === undefined) return undefined;
  const shared = binding.share(handle);
  return shared === undefined ? undefined : new Hot(handle, shared, terms, pending);
}

exports.Hot = Hot;
exports.hotOf = hotOf;
