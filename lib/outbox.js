'use strict';

/**
 * Reads and writes of single keys on their way to the core: all that a tick asks crosses by one call, as numbers and
 * one text. A call for each takes as long as the rest of a request.
 */

/** How many numbers a request has: its store's handle, its id, the lengths of key and value, the TTL. */
const WIDTH = 5;
/** How many requests are gathered at most. */
const MOST = 256;
/** A text that is longer than this is handed over: the core reads up to 64 KiB without an allocation. */
const LONG = 32 * 1024;
/** The length of the value of a request that reads. */
const READS = -1;

class Outbox {
  #numbers = new Float64Array(MOST * WIDTH);
  #text = '';
  /** How many requests are gathered. */
  count = 0;
  /** How many of them write. */
  writes = 0;
  /** Takes the requests; answers the ids of those whose session has ended. */
  #send;

  /** @param {(numbers: Float64Array, count: number, text: string) => number[] | undefined} send */
  constructor(send) {
    this.#send = send;
  }

  get isFull() {
    return this.count === MOST || this.#text.length > LONG;
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {string} key
   */
  get(handle, id, key) {
    this.#add(handle, id, key, READS, 0);
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {string} key
   * @param {string} json
   * @param {number} ttl milliseconds
   */
  put(handle, id, key, json, ttl) {
    this.#add(handle, id, key, json.length, ttl);
    this.#text += json;
    this.writes++;
  }

  /** Hands over what is gathered. @returns {number[] | undefined} the ids of those whose session has ended */
  send() {
    const { count } = this;
    const text = this.#text;
    this.count = 0;
    this.writes = 0;
    this.#text = '';
    return this.#send(this.#numbers, count, text);
  }

  /**
   * @param {number} handle
   * @param {number} id
   * @param {string} key
   * @param {number} length
   * @param {number} ttl
   */
  #add(handle, id, key, length, ttl) {
    const numbers = this.#numbers;
    const at = this.count++ * WIDTH;
    numbers[at] = handle;
    numbers[at + 1] = id;
    numbers[at + 2] = key.length;
    numbers[at + 3] = length;
    numbers[at + 4] = ttl;
    this.#text += key;
  }
}

exports.Outbox = Outbox;
exports.READS = READS;
exports.WIDTH = WIDTH;
