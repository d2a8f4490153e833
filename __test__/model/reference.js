'use strict';

// The plain model that the cache is compared with: what a cache is, without any of its means.

const DEFAULT_TTL = 3600;

function milliseconds(ttl) {
  const seconds = ttl ?? DEFAULT_TTL;
  if (seconds === 'forever') return Infinity;
  return typeof seconds === 'string' ? Number.parseInt(seconds, 10) : Math.round(seconds * 1000);
}

/** Everything is one object of JSON-like parts; keys are whole keys, tags are whole tags. */
class Reference {
  now = 0;
  entries = new Map();
  epochs = new Map();
  locks = new Map();
  flights = [];
  #epoch = 0;

  // -- entries ---------------------------------------------------------------------------------

  #valid(tags) {
    return tags.every(({ tag, epoch }) => this.#epochOf(tag) === epoch);
  }

  #epochOf(tag) {
    return this.epochs.get(tag) ?? 0;
  }

  #stamped(tags) {
    return [...new Set(tags)].map((tag) => ({ tag, epoch: this.#epochOf(tag) }));
  }

  find(key) {
    const entry = this.entries.get(key);
    return entry && entry.expiresAt > this.now && this.#valid(entry.tags) ? entry : undefined;
  }

  get(key) {
    const entry = this.find(key);
    return entry ? entry.value : null;
  }

  ttl(key) {
    const entry = this.find(key);
    return entry ? (entry.expiresAt - this.now) / 1000 : null;
  }

  keys() {
    return [...this.entries.keys()].filter((key) => this.find(key)).sort();
  }

  put(key, value, ttl, tags = []) {
    this.#overtake((flight) => flight.key === key);
    const life = milliseconds(ttl);
    if (life <= 0) {
      this.entries.delete(key);
      return false;
    }
    this.entries.set(key, { value, expiresAt: this.now + life, tags: this.#stamped(tags) });
    return true;
  }

  add(key, value, ttl, tags) {
    return this.find(key) ? false : this.put(key, value, ttl, tags);
  }

  forget(key) {
    this.#overtake((flight) => flight.key === key);
    const held = this.find(key) !== undefined;
    this.entries.delete(key);
    return held;
  }

  pull(key) {
    const value = this.get(key);
    this.forget(key);
    return value;
  }

  touch(key, ttl) {
    const entry = this.find(key);
    if (milliseconds(ttl) <= 0) return this.forget(key);
    if (!entry) return false;
    entry.expiresAt = this.now + milliseconds(ttl);
    return true;
  }

  step(key, by, ttl) {
    const entry = this.find(key);
    if (!entry) {
      this.put(key, by, ttl);
      return by;
    }
    if (typeof entry.value !== 'number') return 'CACHE_NOT_A_NUMBER';
    this.#overtake((flight) => flight.key === key);
    entry.value += by;
    return entry.value;
  }

  // -- invalidation ----------------------------------------------------------------------------

  flushTags(tags) {
    for (const tag of tags) {
      this.#epoch += 1;
      this.epochs.set(tag, this.#epoch);
    }
    // A flight that declared the tag is not joined any more; one that sets it late is found out
    // when it ends.
    this.#overtake((flight) => flight.tags.some((tag) => tags.includes(tag)));
  }

  flush(prefix = '') {
    for (const key of [...this.entries.keys()]) if (key.startsWith(prefix)) this.entries.delete(key);
    this.#overtake((flight) => flight.key.startsWith(prefix));
  }

  #overtake(concerned) {
    for (const flight of this.flights) if (concerned(flight)) flight.overtaken = true;
  }

  // -- flights ---------------------------------------------------------------------------------

  /** What a `remember` does now: read, join a flight, or lead one. */
  remember(id, key, ttl, tags) {
    const entry = this.find(key);
    if (entry) return { reads: entry.value };
    const running = this.flights.find((flight) => flight.key === key && !flight.overtaken);
    if (running) {
      running.callers.push(id);
      return { joins: running.id };
    }
    const epochs = new Map(this.epochs);
    this.flights.push({ id, key, ttl, tags, epochs, callers: [id], overtaken: false });
    return { leads: true };
  }

  /** The flight ends with a value (and perhaps tags that it sets only now), or fails. */
  finish(index, { value, tags, failed = false, skipped = false }) {
    const [flight] = this.flights.splice(index, 1);
    if (failed || skipped || flight.overtaken) return flight;
    const own = tags ?? flight.tags;
    const current = own.every((tag) => (flight.epochs.get(tag) ?? 0) === this.#epochOf(tag));
    if (current) this.put(flight.key, value, flight.ttl, own);
    return flight;
  }

  // -- locks -----------------------------------------------------------------------------------

  lock(id, key, ttl) {
    const holder = this.locks.get(key);
    if (holder && holder.expiresAt > this.now) return false;
    this.locks.set(key, { id, expiresAt: this.now + milliseconds(ttl) });
    return true;
  }

  release(id, key) {
    if (!this.holds(id, key)) return false;
    this.locks.delete(key);
    return true;
  }

  extend(id, key, ttl) {
    if (!this.holds(id, key)) return false;
    this.locks.get(key).expiresAt = this.now + milliseconds(ttl);
    return true;
  }

  holds(id, key) {
    const holder = this.locks.get(key);
    return holder !== undefined && holder.id === id && holder.expiresAt > this.now;
  }
}

module.exports = { Reference };
