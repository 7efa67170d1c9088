/**
 * What an archive of an order holds, and under which tag. The tag follows from the content alone, so the same files give the same tag
 * on every server; an archive that was handed out is remembered by its files and can be made again, byte for byte, as long as they last.
 * One with references has bytes that nobody knows beforehand: no tag, no length, nothing to go on with.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { safeName } from "#store/file-names.ts";
import type { FileRow } from "#store/files.ts";
import { type Place, type Variant, variantKey } from "./layout.ts";
import { noticeFiles } from "./notice.ts";
import { type ArchivePlan, type Entry, planArchive } from "./zip/plan.ts";

export type Source =
  | { readonly kind: "blob"; readonly sha256: string; readonly fileIds: number[] }
  /** Written by us: its files are not in the archive. */
  | { readonly kind: "text"; readonly bytes: Buffer<ArrayBuffer> };

/** A file that passes through from where it lies; `fileIds` are all files of the order that are the same. */
export type Reference = { readonly name: string; readonly file: FileRow; readonly fileIds: number[] };

export type OrderArchive = {
  readonly orderId: number;
  readonly etag: string;
  /** What we hold. With references it is only the beginning, and notices come after them. */
  readonly plan: ArchivePlan<Source>;
  readonly references: readonly Reference[];
  /** Every file that the archive tells of, in order: those in it, and missing ones. */
  readonly files: readonly number[];
  readonly missing: readonly FileRow[];
  /** How many parts the order has, where parts were asked for. */
  readonly parts: number | undefined;
};

export type Member = { readonly file: FileRow; readonly place: Place };

export type ArchiveContent = {
  readonly orderId: number;
  readonly variant: Variant;
  readonly parts: number | undefined;
  /** Time of all entries: the order's, so that the bytes do not depend on when they are asked for. */
  readonly modified: Date;
  readonly members: readonly Member[];
  /** Files whose bytes are gone. */
  readonly missing: ReadonlySet<number>;
  /** Address of a single file. */
  readonly fileUrl: (id: number) => string;
  /** References are told of in the notices instead of being streamed through: the archive then has a length. */
  readonly withoutReferences?: boolean;
};

export const MISSING_REASON = "Its stored bytes are gone, retry the order to fetch it again";
const REFERENCE_REASON = "Only its address is known, download it by itself";

export function orderArchive(content: ArchiveContent): OrderArchive {
  const { orderId, members, parts } = content;
  const missing = members.flatMap(({ file }) => (content.missing.has(file.id) ? [file] : []));
  const references = content.withoutReferences ? [] : referencesOf(members);
  const told = content.withoutReferences ? members.filter(({ file }) => file.reference) : [];
  const failures = [
    ...missing.map((file) => ({ file, reason: MISSING_REASON })),
    ...told.map(({ file }) => ({ file, reason: REFERENCE_REASON })),
  ];
  const notices = references.length > 0 ? [] : noticeFiles(orderId, failures, content.fileUrl);
  const texts = notices.map(({ name, bytes }): Entry<Source> => {
    return { name, size: bytes.length, crc32: crc32(bytes), source: { kind: "text", bytes } };
  });
  const plan = planArchive([...blobEntries(content), ...texts], content.modified);
  const files = members.map(({ file }) => file.id);
  return { orderId, etag: tagOf(content, plan), plan, references, files, missing, parts };
}

/** One entry for each different file of a folder; what has the same name and the same bytes is the same file. */
function blobEntries(content: ArchiveContent): Entry<Source>[] {
  const byContent = new Map<string, number[]>();
  const entries: Entry<Source>[] = [];
  for (const { file, place } of content.members) {
    const { id, sha256, size, crc32: crc } = file;
    if (file.reference || content.missing.has(id) || sha256 === undefined || size === undefined || crc === undefined) {
      continue;
    }
    const same = once(byContent, `${sha256} ${place.folder}${safeName(file.filename)}`, id);
    if (same) entries.push({ name: place.name, size, crc32: crc, source: { kind: "blob", sha256, fileIds: same } });
  }
  return entries;
}

function referencesOf(members: readonly Member[]): readonly Reference[] {
  const byAddress = new Map<string, number[]>();
  return members.flatMap(({ file, place }) => {
    if (!file.reference) return [];
    const fileIds = once(byAddress, `${file.uri} ${place.folder}${safeName(file.filename)}`, file.id);
    return fileIds ? [{ name: place.name, file, fileIds }] : [];
  });
}

/** The list for the first file of a key, to which those after it are added. */
function once(known: Map<string, number[]>, key: string, id: number): number[] | undefined {
  const same = known.get(key);
  same?.push(id);
  if (same) return undefined;
  const ids = [id];
  known.set(key, ids);
  return ids;
}

function tagOf(content: ArchiveContent, plan: ArchivePlan<Source>): string {
  const hash = createHash("sha256");
  const { orderId, modified, variant } = content;
  hash.update(JSON.stringify([orderId, variantKey(variant), modified.toISOString(), [...content.missing].sort()]));
  for (const { name, size, crc32: crc, source } of plan.entries) {
    hash.update(JSON.stringify([name, size, crc, source.kind === "blob" ? source.sha256 : ""]));
  }
  return hash.digest("hex").slice(0, 40);
}
