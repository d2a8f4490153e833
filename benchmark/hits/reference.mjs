/**
 * Hit ratios that others have measured on the public traces, in per cent at 1 % and 10 % of the keys: those of
 * Rust's `lru`, and of moka 0.12 with its TinyLFU. The traces are web07 of cache2k-benchmark, and multi2, sprite
 * and 2_pools of Jiang and Zhang (LIRS, SIGMETRICS 2002), as Caffeine's simulator redistributes them.
 */
export const REFERENCE_SHARES = [0.01, 0.1];

export const REFERENCE = {
  web07: { lru: [39.1, 55.7], tinylfu: [39.6, 54.6] },
  multi2: { lru: [3.5, 36.9], tinylfu: [23.2, 51.4] },
  sprite: { lru: [16.3, 86.5], tinylfu: [25.8, 80.1] },
  '2_pools': { lru: [21.8, 54.4], tinylfu: [48.4, 54.4] },
};
