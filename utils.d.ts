/**
 * Durations alone: the entry `ferrocache/utils`.
 *
 * @packageDocumentation
 */

export { formatTtl, isDurationString, parseTtl, parseTtlMs } from './index.js';
export type { DurationString, DurationUnit, TTL } from './index.js';
