/** The entries of a stored ZIP archive, read from its local headers alone; checks each CRC. */
import { crc32 } from "node:zlib";

export function readZip(bytes: Uint8Array): Record<string, string> {
  const archive = Buffer.from(bytes);
  const entries: Record<string, string> = {};
  let at = 0;
  while (archive.readUInt32LE(at) === 0x04034b50) {
    const size = archive.readUInt32LE(at + 18);
    const nameSize = archive.readUInt16LE(at + 26);
    const start = at + 30 + nameSize + archive.readUInt16LE(at + 28);
    const content = archive.subarray(start, start + size);
    const name = archive.toString("utf8", at + 30, at + 30 + nameSize);
    if (crc32(content) !== archive.readUInt32LE(at + 14)) throw new Error(`Cannot read '${name}': its CRC is wrong`);
    if (name in entries) throw new Error(`Cannot read the archive: '${name}' is in it twice`);
    entries[name] = content.toString("utf8");
    at = start + size;
  }
  return entries;
}
