/**
 * Checks a downloaded archive: every entry against its CRC-32 in the zip, and against the catalogue's checksum where there is one.
 * Two files of one name lie in the archive as `name` and `name (1)`: an entry is good if it is one of the files of its name.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { openZip, type ZipEntry, type ZipFile } from "./zip-reader.ts";

/** What the service's file list says of a file. */
export type KnownFile = { readonly filename: string; readonly checksum?: string; readonly filesize?: number };

export type Verdict = {
  readonly entries: number;
  readonly bytes: number;
  /** Entries that also have the checksum of the catalogue. */
  readonly checksums: number;
  /** Entries of whose file no checksum is known: the catalogue has none, or the file is not listed any more. */
  readonly unknown: number;
  /** What is wrong, one line each. */
  readonly problems: readonly string[];
  /** Files that the service could not put in. */
  readonly missing: number;
  /** What it says of them, a line each. */
  readonly notice?: string;
};

const NOTICE = "NOTICE.txt";
const NOTICES: readonly string[] = [NOTICE, "notice.json"];
const ALGORITHMS: Readonly<Record<number, string>> = { 32: "md5", 40: "sha1", 64: "sha256", 128: "sha512" };
/** A multihash of SHA-256 in hexadecimal: code 12, length 20, digest. */
const SHA256_MULTIHASH = /^1220([0-9a-f]{64})$/;

/** Reads the whole archive once. `onBytes` hears how many were checked so far. */
export async function verifyArchive(
  path: string,
  options: { files: readonly KnownFile[]; onBytes?: (done: number, total: number) => void },
): Promise<Verdict> {
  const zip = await openZip(path);
  try {
    return await verifyEntries(zip, options);
  } finally {
    await zip.close();
  }
}

async function verifyEntries(
  zip: ZipFile,
  options: { files: readonly KnownFile[]; onBytes?: (done: number, total: number) => void },
): Promise<Verdict> {
  const byName = Map.groupBy(options.files, (file) => file.filename);
  const total = zip.entries.reduce((sum, entry) => sum + entry.size, 0);
  const problems: string[] = [];
  let bytes = 0;
  let checksums = 0;
  let unknown = 0;
  let notice: string | undefined;
  for (const entry of zip.entries) {
    const known = candidates(entry.name, byName);
    const wanted = known.flatMap((file) => readChecksum(file.checksum) ?? []);
    const actual = await digestEntry(zip, entry, [...new Set(wanted.map((checksum) => checksum.algorithm))]);
    bytes += entry.size;
    options.onBytes?.(bytes, total);
    if (actual.crc32 !== entry.crc32) problems.push(`'${entry.name}' is spoilt: its CRC-32 differs from the archive's`);
    else if (NOTICES.includes(entry.name)) notice = entry.name === NOTICE ? actual.text : notice;
    else if (wanted.length === 0) unknown++;
    else if (wanted.some(({ algorithm, value }) => actual.digests.get(algorithm) === value)) checksums++;
    else problems.push(`'${entry.name}' differs from the catalogue: its checksum is another`);
  }
  const missing = notice?.split("\n").filter(Boolean).length ?? 0;
  const told = notice === undefined ? {} : { notice };
  return { entries: zip.entries.length, bytes, checksums, unknown, problems, missing, ...told };
}

/** Files that may lie under the entry's name, whatever its folder: those of that name, and where it ends in ` (n)` those of the name without. */
function candidates(entry: string, byName: ReadonlyMap<string, readonly KnownFile[]>): readonly KnownFile[] {
  const name = entry.slice(entry.lastIndexOf("/") + 1);
  const plain = name.replace(/ \(\d+\)(?=(\.[^.]*)?$)/, "");
  return [...(byName.get(name) ?? []), ...(plain === name ? [] : (byName.get(plain) ?? []))];
}

function readChecksum(text: string | undefined): { algorithm: string; value: string } | undefined {
  const value = text?.toLowerCase();
  if (!value) return undefined;
  const multihash = SHA256_MULTIHASH.exec(value)?.[1];
  if (multihash) return { algorithm: "sha256", value: multihash };
  const algorithm = /^[0-9a-f]+$/.test(value) ? ALGORITHMS[value.length] : undefined;
  return algorithm ? { algorithm, value } : undefined;
}

async function digestEntry(zip: ZipFile, entry: ZipEntry, algorithms: readonly string[]) {
  const hashes = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }));
  const text = new TextDecoder();
  let crc = 0;
  let words = "";
  for await (const chunk of zip.read(entry)) {
    crc = crc32(chunk, crc);
    for (const { hash } of hashes) hash.update(chunk);
    if (entry.name === NOTICE) words += text.decode(chunk, { stream: true });
  }
  return {
    crc32: crc,
    digests: new Map(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest("hex")])),
    text: words,
  };
}
