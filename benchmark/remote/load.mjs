/**
 * The timed loops: so many at once, each awaiting one operation after the other, as the requests of
 * a server do. One loop for each form, in which V8 sees one call in one place; what is timed is
 * `await` on the client's own promise, with no wrapper of the benchmark around it.
 */
import { percentile } from '../statistics.mjs';

/** How many operations of a round are timed one by one; the clock itself is not free. */
const SAMPLES = 4000;

/**
 * The lanes share one counter, so that all end together. Each `stride`-th operation is timed; a
 * stride that shares no factor with the usual numbers of lanes samples all lanes alike.
 */
class Round {
  next = 0;
  latencies = [];

  constructor(client, data, operations) {
    this.client = client;
    this.data = data;
    this.operations = operations;
    this.stride = Math.max(1, Math.floor(operations / SAMPLES)) | 1;
  }
}

const lanes = {
  async 'get decoded'(round) {
    const { get } = round.client;
    const { keys } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const begin = at % round.stride === 0 ? performance.now() : 0;
      await get(keys[at % keys.length]);
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },

  async 'get text'(round) {
    const { get } = round.client;
    const { keys } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const begin = at % round.stride === 0 ? performance.now() : 0;
      JSON.parse(await get(keys[at % keys.length]));
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },

  async 'many decoded'(round) {
    const { many } = round.client;
    const { groups } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const begin = at % round.stride === 0 ? performance.now() : 0;
      await many(groups[at % groups.length]);
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },

  async 'many text'(round) {
    const { many } = round.client;
    const { groups } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const begin = at % round.stride === 0 ? performance.now() : 0;
      const texts = await many(groups[at % groups.length]);
      for (let index = 0; index < texts.length; index += 1) JSON.parse(texts[index]);
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },

  async put(round) {
    const { put } = round.client;
    const { keys, values } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const begin = at % round.stride === 0 ? performance.now() : 0;
      await put(keys[at % keys.length], values[at % keys.length]);
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },

  async recall(round) {
    const { recall } = round.client;
    const { keys } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const begin = at % round.stride === 0 ? performance.now() : 0;
      await recall(keys[at % keys.length], missing);
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },

  async remember(round) {
    const { remember } = round.client;
    const { values, fresh } = round.data;
    while (round.next < round.operations) {
      const at = round.next;
      round.next += 1;
      const value = values[at % values.length];
      const begin = at % round.stride === 0 ? performance.now() : 0;
      await remember(fresh[at], () => value);
      if (begin !== 0) round.latencies.push(performance.now() - begin);
    }
  },
};

/** The factory of a hit. */
const missing = () => {
  throw new Error('a key that was stored is a miss');
};

/** What `load` can ask of a client. */
export const OPERATIONS = ['get', 'many', 'put', 'recall', 'remember'];

/** Runs a round; resolves to `{ wallNs, p50Us, p99Us }`. */
export async function load(client, data, { operation, inFlight, operations }) {
  const form = client.decodes ? 'decoded' : 'text';
  const lane = lanes[operation] ?? lanes[`${operation} ${form}`];
  const round = new Round(client, data, operations);
  const begin = performance.now();
  await Promise.all(Array.from({ length: inFlight }, () => lane(round)));
  const wallNs = (performance.now() - begin) * 1e6;
  return {
    wallNs,
    p50Us: percentile(round.latencies, 0.5) * 1000,
    p99Us: percentile(round.latencies, 0.99) * 1000,
  };
}
