'use strict';

/**
 * The entries of the hot tier, each at a place of several arrays.
 *
 * A hit looks at three numbers and an answer of an entry. In arrays, those of ten thousand entries stay in the
 * processor's caches; in an object for each entry they do not (docs/benchmarks/hot.md).
 */

/** The mark of an entry that cannot be handed out without a further look. */
const UNMARKED = -1;

/** How many entries there is room for at first. */
const FIRST_ROOM = 64;

/** @typedef {{ entries: number; bytes: number }} Most */

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {import('./kept.js').Kept} kept
 * @property {number} bytes
 * @property {number} told
 */

class Entries {
  /** By key. @type {Map<string, number>} */
  places = new Map();
  /**
   * Of each entry: the place of its key's generation, what that was, the era in which it was found to be in use (then
   * nothing is to be done for a hit), and the era in which the core was told of it last.
   */
  stamps = new Int32Array(4 * FIRST_ROOM);
  /** What readers get: a promise for all of them where there is no shape, else what is to be copied. @type {unknown[]} */
  answers = [];
  /** @type {(import('./shapes.js').Shape | undefined)[]} */
  shapes = [];
  /** The entries as payloads. @type {(import('./kept.js').Kept | undefined)[]} */
  kept = [];
  /** @type {string[]} */
  names = [];
  /** Places and generations of its tags, in turn. @type {(Int32Array | undefined)[]} */
  tags = [];
  /** Who has noted where the entry is, and under which key. @type {({ places: Map<string, number>; key: string } | undefined)[]} */
  #noted = [];
  /** Whether it was used since the hand passed. */
  used = new Uint8Array(FIRST_ROOM);
  /** 0 where there is none. @type {number[]} */
  #sizes = [];
  /** Places without an entry. @type {number[]} */
  #free = [];
  #bytes = 0;
  /** The hand of the clock: whom it finds unused goes. */
  #hand = 0;

  /**
   * Whether another entry fits the bounds.
   *
   * @param {number} bytes
   * @param {Most} most
   */
  hasRoom(bytes, most) {
    return this.places.size < most.entries && this.#bytes + bytes <= most.bytes;
  }

  /**
   * Adds an entry, in the place of another of its name.
   *
   * @param {Entry} entry
   * @param {Int32Array} permit what it is valid under
   */
  put({ name, kept, bytes, told }, permit) {
    const old = this.places.get(name);
    if (old !== undefined) this.remove(old);
    const at = this.#free.pop() ?? this.#added();
    this.stamps.set([permit[1], permit[2], UNMARKED, told], at << 2);
    this.answers[at] = kept.shape === undefined ? Promise.resolve(kept.value) : kept.value;
    this.shapes[at] = kept.shape;
    this.kept[at] = kept;
    this.names[at] = name;
    this.tags[at] = permit[0] > 1 ? permit.slice(3, 1 + permit[0] * 2) : undefined;
    this.used[at] = 1;
    this.#sizes[at] = bytes;
    this.#bytes += bytes;
    this.places.set(name, at);
  }

  /**
   * Has somebody note where an entry is, as long as it is there. One at a time: what finds none looks by the name.
   *
   * @param {number} at
   * @param {Map<string, number>} places
   * @param {string} key
   */
  note(at, places, key) {
    this.#forgetNote(at);
    places.set(key, at);
    this.#noted[at] = { places, key };
  }

  /** @param {number} at */
  remove(at) {
    this.places.delete(this.names[at]);
    this.#forgetNote(at);
    this.#bytes -= this.#sizes[at];
    this.#sizes[at] = 0;
    for (const list of [this.answers, this.shapes, this.kept, this.tags]) list[at] = undefined;
    this.names[at] = '';
    this.#free.push(at);
  }

  /**
   * Lets entries go until the bounds hold.
   *
   * @param {Most} most
   */
  bound(most) {
    while (this.places.size > most.entries || this.#bytes > most.bytes) {
      const at = this.#hand;
      this.#hand = at + 1 < this.names.length ? at + 1 : 0;
      if (this.#sizes[at] === 0) continue;
      if (this.used[at] === 0) this.remove(at);
      this.used[at] = 0;
      this.stamps[(at << 2) + 2] = UNMARKED;
    }
  }

  clear() {
    for (let at = 0; at < this.names.length; at++) this.#forgetNote(at);
    this.places.clear();
    for (const list of [
      this.answers,
      this.shapes,
      this.kept,
      this.names,
      this.tags,
      this.#sizes,
      this.#free,
    ]) {
      list.length = 0;
    }
    this.#bytes = 0;
    this.#hand = 0;
  }

  /** @param {number} at */
  #forgetNote(at) {
    const noted = this.#noted[at];
    if (noted === undefined) return;
    noted.places.delete(noted.key);
    this.#noted[at] = undefined;
  }

  /** A place that was never used. */
  #added() {
    const at = this.names.length;
    if (at === this.used.length) {
      this.stamps = grown(this.stamps, new Int32Array(8 * at));
      this.used = grown(this.used, new Uint8Array(2 * at));
    }
    return at;
  }
}

/**
 * @template {Int32Array | Uint8Array} T
 * @param {T} from
 * @param {T} to
 */
function grown(from, to) {
  to.set(from);
  return to;
}

exports.Entries = Entries;
exports.UNMARKED = UNMARKED;
