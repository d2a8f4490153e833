/** Medians and percentiles of samples; no mean, which one pause of the machine can spoil. */

export function percentile(samples, share) {
  if (samples.length === 0) return NaN;
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

export function median(samples) {
  if (samples.length === 0) return NaN;
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the tables show of one series of samples. */
export function summary(samples) {
  return {
    median: median(samples),
    p99: percentile(samples, 0.99),
    min: percentile(samples, 0),
    samples: samples.length,
  };
}
