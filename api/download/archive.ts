/**
 * What the archive of an order holds, and under which tag. The tag follows from the content alone, so the same files give the same tag
 * on every server; an archive that was handed out is remembered by its files and can be made again, byte for byte, as long as they last.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { FileRow } from "#store/files.ts";
import { safeName, uniqueNames } from "./zip/names.ts";
import { type ArchivePlan, type Entry, planArchive } from "./zip/plan.ts";

export type Source =
  | { readonly kind: "blob"; readonly sha256: string; readonly fileIds: number[] }
  /** Written by us: its files are not in the archive. */
  | { readonly kind: "text"; readonly bytes: Buffer<ArrayBuffer> };

export type OrderArchive = {
  readonly etag: string;
  readonly plan: ArchivePlan<Source>;
  /** Every file that the archive tells of, in order: those in it, references, missing ones. */
  readonly files: readonly number[];
  readonly missing: readonly number[];
};

export type ArchiveContent = {
  readonly orderId: number;
  /** Time of all entries: the order's, so that the bytes do not depend on when they are asked for. */
  readonly modified: Date;
  readonly files: readonly FileRow[];
  /** Files whose bytes are gone. */
  readonly missing: ReadonlySet<number>;
  /** Address of a single file. */
  readonly fileUrl: (id: number) => string;
  /** The folder of a file in the archive; absent: all lie side by side. */
  readonly folder?: (file: FileRow) => string;
};

const NOTICE = "NOTICE.txt";
const LINKS = "LINKS.txt";

export function orderArchive(content: ArchiveContent): OrderArchive {
  const references = content.files.filter((file) => file.reference);
  const missing = content.files.filter((file) => content.missing.has(file.id));
  const unique = uniqueNames();
  if (missing.length > 0) unique(NOTICE);
  if (references.length > 0) unique(LINKS);
  const entries = blobEntries(content, unique);
  if (references.length > 0)
    entries.push(
      textEntry(
        LINKS,
        references.map((file) => linkLine(file, content)),
      ),
    );
  if (missing.length > 0) entries.push(textEntry(NOTICE, missing.map(noticeLine)));
  const plan = planArchive(entries, content.modified);
  return {
    etag: tagOf(content, plan),
    plan,
    files: content.files.map((file) => file.id),
    missing: missing.map((file) => file.id),
  };
}

/** One entry for each different file; what has the same name and the same bytes is the same file. */
function blobEntries(content: ArchiveContent, unique: (name: string) => string): Entry<Source>[] {
  const byContent = new Map<string, number[]>();
  const entries: Entry<Source>[] = [];
  for (const file of content.files) {
    const { id, sha256, size, crc32: crc } = file;
    if (file.reference || content.missing.has(id) || sha256 === undefined || size === undefined || crc === undefined) {
      continue;
    }
    const name = (content.folder ? `${content.folder(file)}/` : "") + safeName(file.filename);
    const key = `${sha256} ${name}`;
    const same = byContent.get(key);
    if (same) {
      same.push(id);
      continue;
    }
    const fileIds = [id];
    byContent.set(key, fileIds);
    entries.push({ name: unique(name), size, crc32: crc, source: { kind: "blob", sha256, fileIds } });
  }
  return entries;
}

function textEntry(name: string, lines: readonly string[]): Entry<Source> {
  const bytes = Buffer.from(lines.join(""));
  return { name, size: bytes.length, crc32: crc32(bytes), source: { kind: "text", bytes } };
}

function linkLine(file: FileRow, content: ArchiveContent): string {
  return `${safeName(file.filename)}\t${content.fileUrl(file.id)}\n`;
}

/** The contract's line for a file that could not be had. */
function noticeLine(file: FileRow): string {
  return `Failed to download file (${safeName(file.filename)}): ${MISSING_REASON}.\n`;
}

export const MISSING_REASON = "Its stored bytes are gone, retry the order to fetch it again";

function tagOf(content: ArchiveContent, plan: ArchivePlan<Source>): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([content.orderId, content.modified.toISOString(), [...content.missing].sort()]));
  for (const { name, size, crc32: crc, source } of plan.entries) {
    hash.update(JSON.stringify([name, size, crc, source.kind === "blob" ? source.sha256 : ""]));
  }
  return hash.digest("hex").slice(0, 40);
}
