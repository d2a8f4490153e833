/** Load on an HTTP server: so many connections, each of which sends a request when the one before is answered. */
import autocannon from 'autocannon';
import { percentile } from '../statistics.mjs';

/**
 * Resolves to `{ requests, perSecond, p50Ms, p99Ms, p999Ms, maxMs }`; rejects if a request failed. `paths` are asked for
 * in turn.
 */
export async function load({ url, paths = ['/'], connections, seconds }) {
  const times = [];
  // From the first answer: until then autocannon makes itself ready.
  let begin;
  let end;
  let next = 0;
  const run = autocannon({
    url,
    connections,
    duration: seconds,
    // How often it looks whether the time is over.
    sampleInt: 100,
    // A list of them would be prepared for each connection, and take seconds.
    requests: [
      {
        setupRequest(request) {
          next = (next + 1) % paths.length;
          return { ...request, path: paths[next] };
        },
      },
    ],
  });
  // autocannon's own percentiles are whole milliseconds.
  run.on('response', (_client, _status, _bytes, ms) => {
    end = performance.now();
    begin ??= end;
    times.push(ms);
  });
  const { errors, timeouts, non2xx } = await run;
  if (times.length === 0 || errors + timeouts + non2xx > 0) {
    throw new Error(`${url}: ${errors} errors, ${timeouts} time-outs, ${non2xx} refused of ${times.length}`);
  }
  const all = withOmitted(times);
  return {
    requests: times.length,
    perSecond: (times.length / (end - begin)) * 1000,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(all, 0.99),
    p999Ms: percentile(all, 0.999),
    maxMs: percentile(times, 1),
  };
}

/**
 * With the requests that were not sent while one before them waited ("coordinated omission"): a connection
 * that waits 50 ms sends one slow request where its clients would have sent many, each of which would have
 * waited for the rest of that time. They are reckoned at the usual pace, the median.
 */
export function withOmitted(times) {
  const pace = Math.max(percentile(times, 0.5), 0.01);
  const all = [];
  for (const time of times) {
    for (let waited = time; waited >= pace || waited === time; waited -= pace) all.push(waited);
  }
  return all;
}
