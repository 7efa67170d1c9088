/**
 * Where every byte of an archive lies, known before the first is sent: that gives the exact Content-Length and lets any range be produced
 * without touching what lies before it. Two offset tables (local and central headers) and binary search; headers are made when they are sent.
 *
 *   [local 0][data 0][local 1][data 1]…[central 0][central 1]…[end records]
 */
import {
  centralHeader,
  centralHeaderSize,
  type EntryHeader,
  endRecords,
  localHeader,
  localHeaderSize,
} from "./format.ts";

/** An entry with whatever its bytes are read from. */
export type Entry<Source> = EntryHeader & { readonly source: Source };

export type ArchivePlan<Source> = {
  readonly entries: readonly Entry<Source>[];
  readonly modified: Date;
  /** Length of the whole archive. */
  readonly size: number;
  /** Start of each local header; one more for the end of the last entry, which is where the central directory starts. */
  readonly localOffsets: Float64Array;
  /** Start of each central header; one more for where the end records start. */
  readonly centralOffsets: Float64Array;
  readonly end: Buffer;
};

/** Bytes `start` to `end` (exclusive) of the archive, either made here or to be read from an entry's source. */
export type Piece<Source> =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "data"; readonly entry: Entry<Source>; readonly start: number; readonly end: number };

export type Range = { readonly start: number; readonly end: number };

export function planArchive<Source>(entries: readonly Entry<Source>[], modified: Date): ArchivePlan<Source> {
  const localOffsets = new Float64Array(entries.length + 1);
  const centralOffsets = new Float64Array(entries.length + 1);
  let at = 0;
  entries.forEach((entry, i) => {
    localOffsets[i] = at;
    at += localHeaderSize(entry) + entry.size;
  });
  localOffsets[entries.length] = at;
  const offset = at;
  entries.forEach((entry, i) => {
    centralOffsets[i] = at;
    at += centralHeaderSize(entry, localOffsets[i] ?? 0);
  });
  centralOffsets[entries.length] = at;
  const end = endRecords({ entries: entries.length, offset, size: at - offset });
  return { entries, modified, size: at + end.length, localOffsets, centralOffsets, end };
}

/** The pieces of a range of the archive, in order. */
export function* pieces<Source>(plan: ArchivePlan<Source>, range: Range): Generator<Piece<Source>> {
  const directory = plan.localOffsets[plan.entries.length] ?? 0;
  const tail = plan.centralOffsets[plan.entries.length] ?? 0;
  if (range.start < directory) yield* entryPieces(plan, { start: range.start, end: Math.min(range.end, directory) });
  if (range.start < tail && range.end > directory) {
    yield* directoryPieces(plan, { start: Math.max(range.start, directory), end: Math.min(range.end, tail) });
  }
  if (range.end > tail) yield* cut(plan.end, tail, range);
}

function* entryPieces<Source>(plan: ArchivePlan<Source>, range: Range): Generator<Piece<Source>> {
  for (let i = indexAt(plan.localOffsets, range.start); i < plan.entries.length; i++) {
    const entry = plan.entries[i];
    const at = plan.localOffsets[i] ?? 0;
    if (!entry || at >= range.end) return;
    const data = (plan.localOffsets[i + 1] ?? 0) - entry.size;
    if (range.start < data) yield* cut(localHeader(entry, plan.modified), at, range);
    const start = Math.max(range.start - data, 0);
    const end = Math.min(range.end - data, entry.size);
    if (start < end) yield { kind: "data", entry, start, end };
  }
}

function* directoryPieces<Source>(plan: ArchivePlan<Source>, range: Range): Generator<Piece<Source>> {
  for (let i = indexAt(plan.centralOffsets, range.start); i < plan.entries.length; i++) {
    const entry = plan.entries[i];
    const at = plan.centralOffsets[i] ?? 0;
    if (!entry || at >= range.end) return;
    yield* cut(centralHeader(entry, plan.localOffsets[i] ?? 0, plan.modified), at, range);
  }
}

/** The part of `bytes`, which lie at `at`, that falls in the range. */
function* cut(bytes: Buffer, at: number, range: Range): Generator<{ kind: "bytes"; bytes: Buffer }> {
  const part = bytes.subarray(Math.max(range.start - at, 0), Math.max(range.end - at, 0));
  if (part.length > 0) yield { kind: "bytes", bytes: part };
}

/** The last index whose offset is not beyond `offset`. */
function indexAt(offsets: Float64Array, offset: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where the data of entry number `index` lies in the archive. */
export function dataRange(plan: ArchivePlan<unknown>, index: number): Range {
  const end = plan.localOffsets[index + 1] ?? 0;
  return { start: end - (plan.entries[index]?.size ?? 0), end };
}
