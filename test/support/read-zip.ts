/**
 * The entries of a ZIP archive read from its local headers alone, by the rules of Java's ZipInputStream: a stored entry must say its size in
 * front, a deflated one may have it in a descriptor behind. Checks each CRC.
 */
import { crc32, inflateRawSync } from "node:zlib";

const DESCRIPTOR_BEHIND = 8;

export function readZip(bytes: Uint8Array): Record<string, string> {
  const archive = Buffer.from(bytes);
  const entries: Record<string, string> = {};
  let at = 0;
  while (archive.readUInt32LE(at) === 0x04034b50) {
    const nameSize = archive.readUInt16LE(at + 26);
    const start = at + 30 + nameSize + archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 30, at + 30 + nameSize);
    const behind = (archive.readUInt16LE(at + 6) & DESCRIPTOR_BEHIND) !== 0;
    const { content, crc, end } = behind ? deflated(archive, name, { at, start }) : stored(archive, { at, start });
    if (crc32(content) !== crc) throw new Error(`Cannot read '${name}': its CRC is wrong`);
    if (name in entries) throw new Error(`Cannot read the archive: '${name}' is in it twice`);
    entries[name] = content.toString("utf8");
    at = end;
  }
  return entries;
}

type Place = { readonly at: number; readonly start: number };

function stored(archive: Buffer, { at, start }: Place) {
  const end = start + archive.readUInt32LE(at + 18);
  return { content: archive.subarray(start, end), crc: archive.readUInt32LE(at + 14), end };
}

function deflated(archive: Buffer, name: string, { at, start }: Place) {
  if (archive.readUInt16LE(at + 8) !== 8) throw new Error(`Cannot read '${name}': only DEFLATED may have a descriptor`);
  const { buffer, engine } = inflateRawSync(archive.subarray(start), { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  const end = start + engine.bytesWritten;
  const told = [0, 8, 12].map((place) => archive.readUInt32LE(end + place));
  if (told[0] !== 0x08074b50 || told[1] !== engine.bytesWritten || told[2] !== buffer.length) {
    throw new Error(`Cannot read '${name}': its descriptor is not behind it`);
  }
  return { content: buffer, crc: archive.readUInt32LE(end + 4), end: end + 16 };
}
