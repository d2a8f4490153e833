/** The section's plots. */
import { linePlot } from '../plots/lines.mjs';

const NAMES = { tinylfu: 'ferrocache, tinylfu', lru: 'ferrocache, lru', 'lru-cache': 'lru-cache' };

export function hitsPlots({ workloads, shares }) {
  const plot = (title, list) =>
    linePlot({
      title,
      stepsTitle: 'size of the cache, of the keys that are asked for',
      valuesTitle: 'hits, %',
      steps: shares.map((share) => `${share * 100} %`),
      most: 100,
      panels: list.map((workload) => ({
        title: workload.title,
        series: Object.entries(NAMES).map(([policy, name]) => ({
          name,
          values: workload.ratios[policy].map((ratio) => ratio * 100),
        })),
      })),
    });
  const recorded = workloads.filter((workload) => workload.recorded);
  return {
    'generated.svg': plot(
      'Hit ratio: generated workloads',
      workloads.filter((workload) => !workload.recorded),
    ),
    ...(recorded.length > 0 && { 'traces.svg': plot('Hit ratio: recorded accesses', recorded) }),
  };
}
