/** What downloads of one file have in common, whether we hold it or it passes through: its headers, and when all of it has gone out. */
import { createArchive, recordDelivery } from "#store/archives.ts";
import type { Db } from "#store/db.ts";
import { safeName } from "#store/file-names.ts";
import { type FileRow, markDownloaded } from "#store/files.ts";
import type { DeliveryEnd } from "./delivery.ts";
import { attachment } from "./range.ts";

export function fileHeaders(file: FileRow): Readonly<Record<string, string>> {
  return {
    "cache-control": "private, no-cache",
    "content-type": contentType(file.mimeType),
    "content-disposition": attachment(safeName(file.filename)),
  };
}

/** The catalogue's word, unless it would make a browser run the file or break the header. */
function contentType(mimeType: string): string {
  const plain = /^[\w.+-]+\/[\w.+-]+$/.test(mimeType) ? mimeType.toLowerCase() : "application/octet-stream";
  return plain === "text/html" || plain.endsWith("+xml") ? "application/octet-stream" : plain;
}

export type FilePart = {
  /** Names this version of the file; parts of it under the same tag add up. */
  readonly tag: string;
  readonly start: number;
  /** Bytes asked for. */
  readonly length: number;
  /** Bytes of the whole file. */
  readonly size: number;
};

/** Marks the file once every byte of it has gone out, over however many requests, and this one ended well. */
export async function recordPart(
  deps: { readonly db: Db; readonly now: () => Date },
  file: FileRow,
  { tag, start, length, size, sent, whole }: FilePart & DeliveryEnd,
): Promise<void> {
  const now = deps.now();
  if (!(whole && length === size)) {
    if (sent === 0) return;
    await createArchive(deps.db, { etag: tag, orderId: file.orderId, files: [file.id], single: true, size, now });
    const delivered = await recordDelivery(deps.db, tag, { start, end: start + sent });
    if (!whole || !delivered.some((range) => range.start === 0 && range.end === size)) return;
  }
  await markDownloaded(deps.db, [file.id], { now });
}
