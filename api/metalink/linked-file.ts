/** A file as links tell of it: a name that is safe to store under, an address that needs no login, and how to know that all of it came. */
import type { FileRow } from "#store/files.ts";

/** By the names of the IANA registry of hash functions. */
const HEX_DIGITS = { md5: 32, "sha-1": 40, "sha-256": 64, "sha-384": 96, "sha-512": 128 } as const;

export type Hash = { readonly algorithm: keyof typeof HEX_DIGITS; readonly value: string };

export type LinkedFile = {
  /** Different from that of every other file of the document. */
  readonly name: string;
  /** As the catalogue names it. */
  readonly identity: string;
  readonly mimeType: string;
  readonly url: string;
  /** Bytes. */
  readonly size?: number;
  readonly hash?: Hash;
};

export function linkedFile(file: FileRow, o: { readonly name: string; readonly url: string }): LinkedFile {
  const hash = hashOf(file);
  return {
    ...o,
    identity: file.filename,
    mimeType: file.mimeType,
    ...(file.size !== undefined && { size: file.size }),
    ...(hash && { hash }),
  };
}

/** That of the bytes we have, or the catalogue's where its kind and length are known: a wrong one would make every client refuse the file. */
function hashOf(file: FileRow): Hash | undefined {
  if (file.sha256 !== undefined) return { algorithm: "sha-256", value: file.sha256 };
  const wanted = plain(file.algorithm ?? "");
  const algorithm = (Object.keys(HEX_DIGITS) as Hash["algorithm"][]).find((known) => plain(known) === wanted);
  const value = file.checksum?.toLowerCase() ?? "";
  if (!algorithm || value.length !== HEX_DIGITS[algorithm] || !/^[0-9a-f]+$/.test(value)) return undefined;
  return { algorithm, value };
}

function plain(algorithm: string): string {
  return algorithm.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** Whether the file's address gives its bytes, now or later: a reference that only the service itself could open never does. */
export function canArrive(file: FileRow): boolean {
  return !file.reference || /^https?:\/\//i.test(file.uri);
}

export function isThere(file: FileRow): boolean {
  return file.state === "AVAILABLE" || file.state === "DOWNLOADED";
}
