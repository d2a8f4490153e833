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
  /** Flushes up to here may have been summed up since, for tags that nothing had. */
  #summed = 0;

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

  advance(by) {
    this.now += by;
    this.#summed = this.#epoch;
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
    const caller = { id, ttl, tags, joined: this.#epoch };
    const running = this.flights.find((flight) => flight.key === key && !flight.overtaken);
    if (running) {
      running.callers.push(caller);
      return { joins: running.id };
    }
    const epochs = new Map(this.epochs);
    this.flights.push({
      id,
      key,
      ttl,
      tags,
      epochs,
      began: this.#epoch,
      callers: [caller],
      overtaken: false,
    });
    return { leads: true };
  }

  /**
   * Whether a flush that came after the flight began was summed up since. What the cache remembers of it
   * then counts for every tag that the flight does not hold, flushed or not: it may refuse more than it
   * must, which no model can foresee.
   */
  isBlurred({ began }) {
    return this.#summed > began;
  }

  /**
   * The flight ends with a value (and perhaps tags that it sets only now), or fails. Says which callers
   * are answered, and which ask anew because they came after a flush of a tag that the value has.
   */
  finish(index, { value, tags, failed = false, skipped = false }) {
    const [flight] = this.flights.splice(index, 1);
    const { key, ttl, callers, epochs } = flight;
    const own = tags ?? flight.tags;
    const flushed = own
      .map((tag) => this.#epochOf(tag))
      .filter((epoch, i) => epoch !== (epochs.get(own[i]) ?? 0));
    const superseded = failed ? 0 : Math.max(0, ...flushed);
    if (!failed && !skipped && !flight.overtaken && superseded === 0) this.put(key, value, ttl, own);
    // Whoever joined after any flush: a tag that was named late may have been flushed more than once.
    const late = (caller) => superseded > 0 && caller.id !== flight.id && caller.joined > flight.began;
    const again = callers.filter(late);
    return {
      ...flight,
      answered: callers.filter((caller) => !late(caller)).map(({ id }) => id),
      again: again.map((caller) => ({
        id: caller.id,
        ...this.remember(caller.id, key, caller.ttl, caller.tags),
      })),
    };
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
