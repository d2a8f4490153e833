/**
 * What the benchmark stores: keys, values and the order in which traffic asks for them.
 *
 * Everything is made from an index alone, so that every contender, in whatever process, holds and
 * asks for the same data in the same order.
 */

/** The length of the JSON text of a {@link smallObject}, in bytes. */
export const SMALL_BYTES = 154;
/** The length of the JSON text of a {@link bigObject}, in bytes. */
export const BIG_BYTES = 1024;
/** The length of the JSON text of a {@link shortText}, in bytes. */
export const SHORT_BYTES = 100;

/** A user record as an app would cache it: nested array and object, booleans, numbers. */
export function smallObject(index) {
  return {
    id: 100_000 + index,
    name: 'Ada Lovelace',
    email: 'ada@math.org',
    admin: false,
    active: true,
    roles: ['author', 'editor'],
    profile: { city: 'London', visits: 42 },
  };
}

/** Keys are short and readable, as apps make them. */
export const smallKey = (index) => `user:${100_000 + index}`;
export const missingKey = (index) => `none:${100_000 + index}`;
export const bigKey = (index) => `entry:${1_000_000 + index}`;

// A random text longer than any value: slices of it differ from entry to entry. Letters only, so
// that the JSON text is as long as the string.
const pool = Buffer.alloc(1 << 20);
{
  const random = randomSource(7);
  for (let at = 0; at < pool.length; at += 1) pool[at] = 97 + Math.floor(random() * 26);
}

/** A flat string of its own: `latin1Slice` copies, where `slice` of a string would share it. */
function uniqueText(index, length) {
  const start = (index * 769) % (pool.length - length);
  return pool.latin1Slice(start, start + length);
}

const BIG_FRAME = JSON.stringify({ id: 1_000_000, body: '' }).length;

/** An object of 1 KiB of JSON: one number and one long text. */
export function bigObject(index) {
  return { id: 1_000_000 + index, body: uniqueText(index, BIG_BYTES - BIG_FRAME) };
}

/** A text whose JSON, with its quotes, has {@link SHORT_BYTES} bytes. */
export const shortText = (index) => uniqueText(index, SHORT_BYTES - 2);

/** A small deterministic generator (mulberry32): runs differ in the machine, never in the data. */
export function randomSource(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The indices `0 … count - 1` in a random order. */
export function shuffled(count, seed = 1) {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const random = randomSource(seed);
  for (let at = count - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

/**
 * `length` indices below `count`, drawn by Zipf's law, by default with the exponent of YCSB (0.99). They are
 * drawn before the measurement, into memory off the JS heap, so that drawing costs it nothing. With one `seed` the
 * same indices are popular; with one `draws` too they come in the same order.
 */
export function zipfIndices(count, length, { seed = 11, draws = seed + 1, exponent = 0.99 } = {}) {
  const cumulated = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** exponent;
    cumulated[rank] = sum;
  }
  // Ranks are scattered over the indices: neighbours in popularity are no neighbours in memory.
  const scattered = shuffled(count, seed);
  const random = randomSource(draws);
  const indices = new Uint32Array(length);
  for (let at = 0; at < length; at += 1) {
    const wanted = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (cumulated[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    indices[at] = scattered[low];
  }
  return indices;
}
