'use strict';

/**
 * What is asked most on its way to the core: all that a tick asks crosses by one call, as numbers and one text. A call
 * for each, or for each key, takes as long as the rest of a request.
 */

/** How many numbers a request has: its store's handle, its id, the lengths of key and value, the TTL, the lease. */
const WIDTH = 6;
/**
 * Instead of a value's length, what else is asked; as src/binding/outbox.rs has it. A lease has, in the place of the TTL,
 * whether this process may decide alone.
 */
const READS = -1;
const READS_SEVERAL = -2;
const LEASES = -3;
/** How many numbers are gathered at most. */
const ROOM = 256 * WIDTH;
/** Keys that can be read by one request: it fits where nothing else is gathered. */
const MOST_KEYS = ROOM - WIDTH;
/** A text that is longer than this is handed over: the core reads up to 64 KiB without an allocation. */
const LONG = 32 * 1024;

class Outbox {
  #numbers = new Float64Array(ROOM);
  #used = 0;
  #text = '';
  /** How many writes are gathered. */
  writes = 0;
  /** Takes the requests; answers the ids of those whose session has ended. */
  #send;

  /** @param {(numbers: Float64Array, used: number, text: string) => number[] | undefined} send */
  constructor(send) {
    this.#send = send;
  }

  get isEmpty() {
    return this.#used === 0;
  }

  /**
   * Whether there is room for a request.
   *
   * @param {number} keys how many it reads beyond the first
   */
  hasRoom(keys) {
    return this.#used + WIDTH + keys <= ROOM && this.#text.length <= LONG;
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {string} key
   */
  get(handle, id, key) {
    this.#add(handle, id, key.length, READS, 0, 0);
    this.#text += key;
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {readonly string[]} keys
   */
  many(handle, id, keys) {
    this.#add(handle, id, keys.length, READS_SEVERAL, 0, 0);
    for (let at = 0; at < keys.length; at++) this.#numbers[this.#used++] = keys[at].length;
    this.#text += keys.join('');
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {string} key
   * @param {string} json
   * @param {number} ttl milliseconds
   * @param {number} lease that it fills, or 0
   */
  write(handle, id, key, json, ttl, lease) {
    this.#add(handle, id, key.length, json.length, ttl, lease);
    this.#text += key;
    this.#text += json;
    this.writes++;
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {string} key
   * @param {boolean} offline whether this process may decide alone while the backend cannot be asked
   */
  lease(handle, id, key, offline) {
    this.#add(handle, id, key.length, LEASES, Number(offline), 0);
    this.#text += key;
  }

  /** Hands over what is gathered. @returns {number[] | undefined} the ids of those whose session has ended */
  send() {
    const text = this.#text;
    const used = this.#used;
    this.#used = 0;
    this.writes = 0;
    this.#text = '';
    return this.#send(this.#numbers, used, text);
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {number} key its length, or how many there are
   * @param {number} what
   * @param {number} ttl
   * @param {number} lease
   */
  #add(handle, id, key, what, ttl, lease) {
    const numbers = this.#numbers;
    const at = this.#used;
    this.#used = at + WIDTH;
    numbers[at] = handle;
    numbers[at + 1] = id;
    numbers[at + 2] = key;
    numbers[at + 3] = what;
    numbers[at + 4] = ttl;
    numbers[at + 5] = lease;
  }
}

exports.LEASES = LEASES;
exports.MOST_KEYS = MOST_KEYS;
exports.Outbox = Outbox;
exports.READS = READS;
exports.READS_SEVERAL = READS_SEVERAL;
exports.WIDTH = WIDTH;
