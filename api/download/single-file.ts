/** What downloads of one file have in common, whether we hold it or it passes through: its headers, and when all of it has gone out. */
import type { Logger } from "pino";
import { createArchive, recordDelivery } from "#store/archives.ts";
import type { Db } from "#store/db.ts";
import { safeName } from "#store/file-names.ts";
import { type FileRow, markDownloaded } from "#store/files.ts";
import type { Delivery, DeliveryEnd } from "./delivery.ts";
import { attachment } from "./range.ts";
import { underWay } from "./under-way.ts";

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

type PartDeps = { readonly db: Db; readonly now: () => Date; readonly logger: Logger };

/** Follows a part of the file on its way; marks the file once every byte of it has gone out, over however many requests, and this one ended well. */
export function followPart(deps: PartDeps, file: FileRow, part: FilePart): Pick<Delivery, "ahead" | "ended"> {
  const { tag: etag, start, length } = part;
  const range = { start, end: start + length };
  const { ahead, over } = underWay(deps, { etag, range, remember: () => remember(deps, file, part) });
  return {
    ahead,
    ended: async (end) => {
      await recordPart(deps, file, { ...part, ...end });
      await over();
    },
  };
}

async function remember({ db, now }: PartDeps, file: FileRow, { tag, size }: FilePart): Promise<void> {
  await createArchive(db, { etag: tag, orderId: file.orderId, files: [file.id], single: true, size, now: now() });
}

async function recordPart(deps: PartDeps, file: FileRow, part: FilePart & DeliveryEnd): Promise<void> {
  const { tag, start, length, size, sent, whole } = part;
  if (!(whole && length === size)) {
    if (sent === 0) return;
    await remember(deps, file, part);
    const delivered = await recordDelivery(deps.db, tag, { start, end: start + sent });
    if (!whole || !delivered.some((range) => range.start === 0 && range.end === size)) return;
  }
  await markDownloaded(deps.db, [file.id], { now: deps.now() });
}
