/**
 * An archive that ends with entries whose size and CRC-32 nobody knows before they have passed: files that are streamed through from elsewhere,
 * and what is told about them. It has no length beforehand and cannot be asked for in parts. The bytes are deflated in name only, as the stored
 * blocks of DEFLATE: an entry can end at any byte, and nothing is held.
 */
import { crc32 } from "node:zlib";
import { centralHeader, dataDescriptor, type EntryHeader, endRecords, openLocalHeader } from "./format.ts";
import { Gathered } from "./gathered.ts";
import type { ArchivePlan } from "./plan.ts";
import { archiveBytes, type OpenSource } from "./stream.ts";

export type LateEntry = {
  readonly name: string;
  /** Bytes that are announced; other numbers may come. */
  readonly expected?: number;
  /** Read once, to its end, before the next entry is asked for. Its chunks need not live longer than that with `lend`. */
  readonly bytes: AsyncIterable<Uint8Array>;
};

/** The entries of the plan, then the late ones as they come, then the directory of all. With `lend` as archiveBytes(). */
export async function* openEndedArchive<Source>(
  plan: ArchivePlan<Source>,
  open: OpenSource<Source>,
  late: AsyncIterable<LateEntry>,
  o: { readonly lend?: boolean } = {},
): AsyncGenerator<Uint8Array, void> {
  const planned = plan.localOffsets[plan.entries.length] ?? 0;
  yield* archiveBytes(plan, { start: 0, end: planned }, open, o);
  const gathered = new Gathered(o.lend === true);
  const passed: Placed[] = [];
  let at = planned;
  for await (const entry of late) {
    const header = openLocalHeader(entry, plan.modified);
    yield* gathered.add(header);
    const tally = { size: 0, crc32: 0, deflated: 0 };
    for await (const block of deflated(entry.bytes, tally)) yield* gathered.add(block);
    const placed = { ...tally, name: entry.name, offset: at };
    const descriptor = dataDescriptor(placed);
    yield* gathered.add(descriptor);
    passed.push(placed);
    at += header.length + tally.deflated + descriptor.length;
  }
  const directory = at;
  for (const entry of directoryEntries(plan, passed)) {
    const header = centralHeader(entry, entry.offset, plan.modified);
    at += header.length;
    yield* gathered.add(header);
  }
  yield* gathered.add(
    endRecords({ entries: plan.entries.length + passed.length, offset: directory, size: at - directory }),
  );
  yield* gathered.rest();
}

type Placed = EntryHeader & { readonly offset: number };

function* directoryEntries(plan: ArchivePlan<unknown>, passed: readonly Placed[]): Generator<Placed> {
  for (const [i, entry] of plan.entries.entries()) yield { ...entry, offset: plan.localOffsets[i] ?? 0 };
  yield* passed;
}

const LARGEST_BLOCK = 0xffff;
/** An empty block that says it is the last. */
const LAST_BLOCK = Buffer.from([1, 0, 0, 0xff, 0xff]);

/** DEFLATE (RFC 1951 §3.2.4) without compressing: blocks of a five-byte header and the bytes. Counts into `tally` what passes. */
async function* deflated(
  bytes: AsyncIterable<Uint8Array>,
  tally: { size: number; crc32: number; deflated: number },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    tally.crc32 = crc32(chunk, tally.crc32);
    tally.size += chunk.length;
    for (let at = 0; at < chunk.length; at += LARGEST_BLOCK) {
      const block = chunk.subarray(at, at + LARGEST_BLOCK);
      tally.deflated += 5 + block.length;
      const header = Buffer.alloc(5);
      header.writeUInt16LE(block.length, 1);
      header.writeUInt16LE(block.length ^ 0xffff, 3);
      yield header;
      yield block;
    }
  }
  tally.deflated += LAST_BLOCK.length;
  yield LAST_BLOCK;
}
