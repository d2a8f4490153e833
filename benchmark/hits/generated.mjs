/**
 * Workloads that are made here: which keys are asked for, as indices. Everything comes from a seed, so that
 * every policy, in every run, is asked for the same.
 */
import { randomSource, zipfIndices } from '../values.mjs';

/** The part of the keys that is hot where a scan goes over the others. */
const HOT = 0.05;
/** One request in so many goes to the scan. */
const SCAN_EVERY = 3;

/** `{ name, title, keys }`, where `keys` are indices below the number of `keys` asked for. */
export function generated({ keys, requests, loopKeys }) {
  return [
    ...[0.7, 0.9, 1.1].map((exponent) => ({
      name: `zipf-${exponent}`,
      title: `Zipf ${exponent}`,
      keys: zipfIndices(keys, requests, { exponent }),
    })),
    { name: 'scan', title: 'a scan over a hot set', keys: scan(keys, requests) },
    { name: 'loop', title: 'a loop', keys: loop(loopKeys, requests) },
  ];
}

/** Two requests in three are for a few hot keys (Zipf, 0.9), the third is the next of a scan over all the others. */
function scan(keys, requests) {
  const hot = Math.round(keys * HOT);
  const hotRequests = zipfIndices(hot, requests, { seed: 13, exponent: 0.9 });
  let cold = 0;
  return hotRequests.map((index, at) => {
    if (at % SCAN_EVERY !== 0) return index;
    cold = (cold + 1) % (keys - hot);
    return hot + cold;
  });
}

/** The same keys in the same order, again and again, now and then with one of them out of turn. */
function loop(keys, requests) {
  const random = randomSource(17);
  return Uint32Array.from({ length: requests }, (_, at) =>
    random() < 0.01 ? Math.floor(random() * keys) : at % keys,
  );
}
