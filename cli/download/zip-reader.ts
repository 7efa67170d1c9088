/**
 * Reads the directory of a zip file on disk and the bytes of its entries, ZIP64 included, without unpacking anything.
 * Stored entries, and deflated ones, as the service sends files that it streamed through.
 */
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";

export type ZipEntry = {
  readonly name: string;
  readonly crc32: number;
  readonly size: number;
  /** Bytes in the file. */
  readonly packed: number;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  readonly offset: number;
};

export type ZipFile = {
  readonly entries: readonly ZipEntry[];
  read(entry: ZipEntry): AsyncGenerator<Uint8Array>;
  close(): Promise<void>;
};

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const CHUNK = 1024 * 1024;
const FULL32 = 0xffffffff;
const FULL16 = 0xffff;

/** Opens the file; throws when its directory is not whole (a cut or spoilt download). */
export async function openZip(path: string): Promise<ZipFile> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const entries = await readDirectory(handle, size);
    return { entries, read: (entry) => readEntry(handle, entry), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<DataView> {
  const buffer = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Error(`Cannot read the zip: it ends at byte ${position + filled}`);
    filled += bytesRead;
  }
  return new DataView(buffer.buffer);
}

async function readDirectory(handle: FileHandle, size: number): Promise<ZipEntry[]> {
  const tail = Math.min(size, END_SIZE + MAX_COMMENT);
  const view = await bytesAt(handle, size - tail, tail);
  let end = tail - END_SIZE;
  while (end >= 0 && view.getUint32(end, true) !== END) end--;
  if (end < 0) throw new Error("Cannot read the zip: it has no directory at its end");
  let count = view.getUint16(end + 10, true);
  let length = view.getUint32(end + 12, true);
  let start = view.getUint32(end + 16, true);
  if (count === FULL16 || length === FULL32 || start === FULL32) {
    ({ count, length, start } = await readEnd64(handle, size - tail + end - 20));
  }
  return parseDirectory(await bytesAt(handle, start, length), count);
}

async function readEnd64(handle: FileHandle, position: number) {
  const locator = await bytesAt(handle, position, 20);
  if (locator.getUint32(0, true) !== LOCATOR64) throw new Error("Cannot read the zip: its ZIP64 directory is missing");
  const end = await bytesAt(handle, Number(locator.getBigUint64(8, true)), 56);
  if (end.getUint32(0, true) !== END64) throw new Error("Cannot read the zip: its ZIP64 directory is spoilt");
  return {
    count: Number(end.getBigUint64(32, true)),
    length: Number(end.getBigUint64(40, true)),
    start: Number(end.getBigUint64(48, true)),
  };
}

function parseDirectory(view: DataView, count: number): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== CENTRAL) {
      throw new Error(`Cannot read the zip: entry ${i + 1} of its directory is spoilt`);
    }
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    entries.push(parseEntry(view, at, { name, extra }));
    at += 46 + name + extra + comment;
  }
  return entries;
}

function parseEntry(view: DataView, at: number, lengths: { name: number; extra: number }): ZipEntry {
  const nameBytes = new Uint8Array(view.buffer, view.byteOffset + at + 46, lengths.name);
  const packed = view.getUint32(at + 20, true);
  const size = view.getUint32(at + 24, true);
  const offset = view.getUint32(at + 42, true);
  const large = large64(view, { start: at + 46 + lengths.name, length: lengths.extra });
  // The ZIP64 field holds, in this order, just those values that are all ones in the record.
  const value = (plain: number) => (plain === FULL32 ? Number(large.shift() ?? plain) : plain);
  const realSize = value(size);
  const realPacked = value(packed);
  return {
    name: new TextDecoder().decode(nameBytes),
    crc32: view.getUint32(at + 16, true),
    size: realSize,
    packed: realPacked,
    method: view.getUint16(at + 10, true),
    offset: value(offset),
  };
}

function large64(view: DataView, extra: { start: number; length: number }): bigint[] {
  let at = extra.start;
  while (at + 4 <= extra.start + extra.length) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      return Array.from({ length: Math.floor(length / 8) }, (_, i) =>
        at + 12 + i * 8 <= extra.start + extra.length ? view.getBigUint64(at + 4 + i * 8, true) : 0n,
      );
    }
    at += 4 + length;
  }
  return [];
}

async function* readEntry(handle: FileHandle, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  if (entry.method === 0) return yield* readPacked(handle, entry);
  if (entry.method !== 8) throw new Error(`Cannot read '${entry.name}': it is compressed by method ${entry.method}`);
  const inflate = createInflateRaw();
  const packed = Readable.from(readPacked(handle, entry)).on("error", (error) => inflate.destroy(error));
  yield* packed.pipe(inflate) as AsyncIterable<Uint8Array>;
}

async function* readPacked(handle: FileHandle, entry: ZipEntry): AsyncGenerator<Uint8Array> {
  const local = await bytesAt(handle, entry.offset, 30);
  if (local.getUint32(0, true) !== LOCAL) throw new Error(`Cannot read '${entry.name}': it is not where it should be`);
  let position = entry.offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  let left = entry.packed;
  while (left > 0) {
    const view = await bytesAt(handle, position, Math.min(CHUNK, left));
    yield new Uint8Array(view.buffer);
    position += view.byteLength;
    left -= view.byteLength;
  }
}
