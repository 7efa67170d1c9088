/** Reads a multihash in hexadecimal, as the STAC file extension writes checksums: code, length, digest. */

export type Checksum = { readonly checksum: string; readonly algorithm: string };

/** Codes of the multicodec table whose digests can be computed here, with their length in bytes. */
const KNOWN: ReadonlyMap<number, readonly [algorithm: string, bytes: number]> = new Map([
  [0x11, ["SHA-1", 20]],
  [0x12, ["SHA-256", 32]],
  [0x20, ["SHA-384", 48]],
  [0x13, ["SHA-512", 64]],
  [0x17, ["SHA3-224", 28]],
  [0x16, ["SHA3-256", 32]],
  [0x15, ["SHA3-384", 48]],
  [0x14, ["SHA3-512", 64]],
  [0xd5, ["MD5", 16]],
]);

/** Undefined when it is none, or of a kind that is not known here. */
export function readMultihash(text: string): Checksum | undefined {
  if (!/^([0-9a-fA-F]{2})+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "hex");
  const code = readVarint(bytes, 0);
  const length = readVarint(bytes, code.next);
  const [algorithm, size] = KNOWN.get(code.value) ?? [];
  const digest = bytes.subarray(length.next);
  if (algorithm === undefined || length.value !== size || digest.length !== size) return undefined;
  return { checksum: digest.toString("hex"), algorithm };
}

function readVarint(bytes: Uint8Array, start: number): { value: number; next: number } {
  let value = 0;
  let next = start;
  for (let shift = 0; next < bytes.length && shift < 28; shift += 7) {
    const byte = bytes[next++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return { value, next };
}
