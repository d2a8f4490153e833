/** How many reads of a round gave a value that had been overwritten for sure. */

const TYPES = {
  start: Float64Array,
  end: Float64Array,
  versions: Float64Array,
  indices: Uint32Array,
  isWrite: Uint8Array,
};

/** What an instance has noted, as instance.mjs packs it. */
export function unpacked(log) {
  return Object.fromEntries(
    Object.entries(TYPES).map(([name, Type]) => {
      const { buffer, byteOffset, byteLength } = Buffer.from(log[name], 'base64');
      return [name, new Type(buffer.slice(byteOffset, byteOffset + byteLength))];
    }),
  );
}

/**
 * A read is stale if a write was answered before it began, and that write began after the one had been answered whose
 * value was read. What overlaps has no order, and accuses nobody.
 *
 * @param {ReturnType<typeof unpacked>[]} logs of all instances
 * @param {Map<number, { versions: Set<number>, end: number }>} before by key, what may have been written last in
 *   earlier rounds, and when that was; it is brought up to date
 * @returns {{ reads: number, stale: number, behindMs: number[] }}
 */
export function judge(logs, before) {
  /** By key, all writes by when they were answered. */
  const writes = new Map();
  const births = new Map();
  for (const { start, end, versions, indices, isWrite } of logs) {
    for (let at = 0; at < isWrite.length; at += 1) {
      if (!isWrite[at]) continue;
      const write = { start: start[at], end: end[at], version: versions[at] };
      births.set(write.version, write);
      if (!writes.has(indices[at])) writes.set(indices[at], []);
      writes.get(indices[at]).push(write);
    }
  }
  for (const list of writes.values()) list.sort((a, b) => a.end - b.end);
  let reads = 0;
  const behindMs = [];
  for (const { start, versions, indices, isWrite } of logs) {
    for (let at = 0; at < isWrite.length; at += 1) {
      if (isWrite[at]) continue;
      reads += 1;
      const version = versions[at];
      const born = births.get(version)?.end;
      const earlier = before.get(indices[at]);
      // What is not of this round was written in an earlier one, and should be what was written there last.
      if (born === undefined && earlier && !earlier.versions.has(version)) {
        behindMs.push(start[at] - earlier.end);
        continue;
      }
      const over = (writes.get(indices[at]) ?? []).find(
        (write) => write.version !== version && write.start > (born ?? 0) && write.end < start[at],
      );
      if (over) behindMs.push(start[at] - over.end);
    }
  }
  for (const [index, list] of writes) before.set(index, candidates(list));
  return { reads, stale: behindMs.length, behindMs };
}

/** The versions that may be the last one: those that were not answered before another began. */
function candidates(list) {
  const lastStart = Math.max(...list.map(({ start }) => start));
  const last = list.filter(({ end }) => end >= lastStart);
  return { versions: new Set(last.map(({ version }) => version)), end: list.at(-1).end };
}
