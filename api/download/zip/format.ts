/**
 * The byte records of a ZIP archive (APPNOTE 6.3) in the two forms that we write. What is known beforehand is stored, with sizes and CRC-32 in
 * the local header: readers that stream (Java's ZipInputStream) need those in front of a stored entry. What is not (a file that passes through)
 * is DEFLATED with a data descriptor behind it, which such readers take for that method alone. ZIP64 fields only where a value does not fit.
 */

const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;
const UTF8_NAME = 0x0800;
const DESCRIPTOR_BEHIND = 0x0008;
const DEFLATED = 8;
const MADE_ON_UNIX = 3 << 8;
const REGULAR_FILE_0644 = 0o100644 * 0x10000;
const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;

const LOCAL_HEADER = 30;
const CENTRAL_HEADER = 46;
const END_RECORD = 22;
const ZIP64_END_RECORD = 56;
const ZIP64_END_LOCATOR = 20;

/** What the headers say of an entry. `size` in bytes; `name` is at most 65,535 bytes of UTF-8. */
export type EntryHeader = {
  readonly name: string;
  readonly size: number;
  readonly crc32: number;
  /** Its length in the archive, of an entry that is deflated and has a descriptor. */
  readonly deflated?: number;
};

/** Length in bytes of an entry's local header. */
export function localHeaderSize(entry: EntryHeader): number {
  return LOCAL_HEADER + Buffer.byteLength(entry.name) + (entry.size >= MAX_32 ? 20 : 0);
}

/** Length in bytes of an entry's record in the central directory; `offset` is where its local header starts. */
export function centralHeaderSize(entry: EntryHeader, offset: number): number {
  return CENTRAL_HEADER + Buffer.byteLength(entry.name) + centralExtraSize(entry, offset);
}

function isLarge({ size, deflated = size }: { readonly size: number; readonly deflated?: number }): boolean {
  return Math.max(size, deflated) >= MAX_32;
}

function centralExtraSize(entry: EntryHeader, offset: number): number {
  const fields = (isLarge(entry) ? 16 : 0) + (offset >= MAX_32 ? 8 : 0);
  return fields === 0 ? 0 : 4 + fields;
}

export function localHeader(entry: EntryHeader, modified: Date): Buffer {
  const large = entry.size >= MAX_32;
  const bytes = Buffer.alloc(localHeaderSize(entry));
  bytes.writeUInt32LE(0x04034b50, 0);
  bytes.writeUInt16LE(large ? VERSION_ZIP64 : VERSION_PLAIN, 4);
  bytes.writeUInt16LE(UTF8_NAME, 6);
  writeTime(bytes, 10, modified);
  bytes.writeUInt32LE(entry.crc32, 14);
  bytes.writeUInt32LE(Math.min(entry.size, MAX_32), 18);
  bytes.writeUInt32LE(Math.min(entry.size, MAX_32), 22);
  const nameSize = bytes.write(entry.name, LOCAL_HEADER);
  bytes.writeUInt16LE(nameSize, 26);
  bytes.writeUInt16LE(large ? 20 : 0, 28);
  if (large) writeZip64Extra(bytes, LOCAL_HEADER + nameSize, [entry.size, entry.size]);
  return bytes;
}

/**
 * The local header of an entry of which neither size nor CRC-32 is known yet. `expected` bytes are what its source announces: beyond 4 GiB the
 * ZIP64 field says that the numbers behind the entry will be long ones.
 */
export function openLocalHeader(entry: { readonly name: string; readonly expected?: number }, modified: Date): Buffer {
  const large = (entry.expected ?? 0) >= MAX_32;
  const bytes = Buffer.alloc(localHeaderSize({ name: entry.name, size: entry.expected ?? 0, crc32: 0 }));
  bytes.writeUInt32LE(0x04034b50, 0);
  bytes.writeUInt16LE(large ? VERSION_ZIP64 : VERSION_PLAIN, 4);
  bytes.writeUInt16LE(UTF8_NAME | DESCRIPTOR_BEHIND, 6);
  bytes.writeUInt16LE(DEFLATED, 8);
  writeTime(bytes, 10, modified);
  bytes.writeUInt32LE(large ? MAX_32 : 0, 18);
  bytes.writeUInt32LE(large ? MAX_32 : 0, 22);
  const nameSize = bytes.write(entry.name, LOCAL_HEADER);
  bytes.writeUInt16LE(nameSize, 26);
  bytes.writeUInt16LE(large ? 20 : 0, 28);
  if (large) writeZip64Extra(bytes, LOCAL_HEADER + nameSize, [0, 0]);
  return bytes;
}

/** Behind a deflated entry. Its numbers are long ones just where one does not fit: that is how Java's reader tells. */
export function dataDescriptor(entry: EntryHeader): Buffer {
  const { size, deflated = size } = entry;
  const long = Math.max(size, deflated) > MAX_32;
  const bytes = Buffer.alloc(long ? 24 : 16);
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(entry.crc32, 4);
  if (long) {
    bytes.writeBigUInt64LE(BigInt(deflated), 8);
    bytes.writeBigUInt64LE(BigInt(size), 16);
  } else {
    bytes.writeUInt32LE(deflated, 8);
    bytes.writeUInt32LE(size, 12);
  }
  return bytes;
}

export function centralHeader(entry: EntryHeader, offset: number, modified: Date): Buffer {
  const { size, deflated } = entry;
  const extra = centralExtraSize(entry, offset);
  const large = isLarge(entry);
  const bytes = Buffer.alloc(centralHeaderSize(entry, offset));
  bytes.writeUInt32LE(0x02014b50, 0);
  bytes.writeUInt16LE(MADE_ON_UNIX | VERSION_ZIP64, 4);
  bytes.writeUInt16LE(extra > 0 ? VERSION_ZIP64 : VERSION_PLAIN, 6);
  bytes.writeUInt16LE(deflated === undefined ? UTF8_NAME : UTF8_NAME | DESCRIPTOR_BEHIND, 8);
  bytes.writeUInt16LE(deflated === undefined ? 0 : DEFLATED, 10);
  writeTime(bytes, 12, modified);
  bytes.writeUInt32LE(entry.crc32, 16);
  bytes.writeUInt32LE(large ? MAX_32 : (deflated ?? size), 20);
  bytes.writeUInt32LE(large ? MAX_32 : size, 24);
  const nameSize = bytes.write(entry.name, CENTRAL_HEADER);
  bytes.writeUInt16LE(nameSize, 28);
  bytes.writeUInt16LE(extra, 30);
  bytes.writeUInt32LE(REGULAR_FILE_0644, 38);
  bytes.writeUInt32LE(Math.min(offset, MAX_32), 42);
  if (extra > 0) {
    const sizes = large ? [size, deflated ?? size] : [];
    writeZip64Extra(bytes, CENTRAL_HEADER + nameSize, offset >= MAX_32 ? [...sizes, offset] : sizes);
  }
  return bytes;
}

/** Where the central directory lies and how many records it has. */
export type Directory = { readonly entries: number; readonly offset: number; readonly size: number };

/** The records behind the central directory: the ZIP64 pair where a value needs it, and the plain one. */
export function endRecords(directory: Directory): Buffer {
  const { entries, offset, size } = directory;
  const large = entries >= MAX_16 || offset >= MAX_32 || size >= MAX_32;
  const end = Buffer.alloc(END_RECORD);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(entries, MAX_16), 8);
  end.writeUInt16LE(Math.min(entries, MAX_16), 10);
  end.writeUInt32LE(Math.min(size, MAX_32), 12);
  end.writeUInt32LE(Math.min(offset, MAX_32), 16);
  return large ? Buffer.concat([zip64EndRecords(directory), end]) : end;
}

function zip64EndRecords({ entries, offset, size }: Directory): Buffer {
  const bytes = Buffer.alloc(ZIP64_END_RECORD + ZIP64_END_LOCATOR);
  bytes.writeUInt32LE(0x06064b50, 0);
  bytes.writeBigUInt64LE(BigInt(ZIP64_END_RECORD - 12), 4);
  bytes.writeUInt16LE(MADE_ON_UNIX | VERSION_ZIP64, 12);
  bytes.writeUInt16LE(VERSION_ZIP64, 14);
  bytes.writeBigUInt64LE(BigInt(entries), 24);
  bytes.writeBigUInt64LE(BigInt(entries), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(BigInt(offset), 48);
  bytes.writeUInt32LE(0x07064b50, ZIP64_END_RECORD);
  bytes.writeBigUInt64LE(BigInt(offset + size), ZIP64_END_RECORD + 8);
  bytes.writeUInt32LE(1, ZIP64_END_RECORD + 16);
  return bytes;
}

function writeZip64Extra(bytes: Buffer, at: number, values: readonly number[]): void {
  bytes.writeUInt16LE(0x0001, at);
  bytes.writeUInt16LE(values.length * 8, at + 2);
  values.forEach((value, i) => {
    bytes.writeBigUInt64LE(BigInt(value), at + 4 + i * 8);
  });
}

/** MS-DOS time and date, in UTC: two-second steps from 1980 to 2107. */
function writeTime(bytes: Buffer, at: number, time: Date): void {
  const year = Math.min(Math.max(time.getUTCFullYear(), 1980), 2107);
  bytes.writeUInt16LE((time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1), at);
  bytes.writeUInt16LE(((year - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate(), at + 2);
}
