/** The section's results as Markdown. */
import { heapPart, overheadPart } from '../report.mjs';

export const heapReport = ({ heap, overhead }, plan) =>
  [heapPart(heap, plan.heap), overheadPart(overhead, plan.overhead)].join('\n\n');
