/**
 * What an archive says of the files that it could not hold: a line each for people, in the contract's words, and the same with every detail for
 * programs. Both follow from the failures alone, so that the same archive says the same.
 */

import { safeName } from "#store/file-names.ts";
import type { FileRow } from "#store/files.ts";
import { NOTICE_JSON, NOTICE_TEXT } from "./layout.ts";

export type Failure = {
  readonly file: FileRow;
  readonly reason: string;
  /** HTTP status of the source. */
  readonly sourceStatus?: number;
  /** The entry that holds what came of it. */
  readonly entry?: string;
};

export type NoticeFile = { readonly name: string; readonly bytes: Buffer<ArrayBuffer> };

/** NOTICE.txt and notice.json; none without failures. `fileUrl` is the address of a single file. */
export function noticeFiles(
  orderId: number,
  failures: readonly Failure[],
  fileUrl: (id: number) => string,
): readonly NoticeFile[] {
  if (failures.length === 0) return [];
  const notice = { orderId, failed: failures.map((failure) => described(failure, fileUrl)) };
  return [
    { name: NOTICE_TEXT, bytes: Buffer.from(failures.map(line).join("")) },
    { name: NOTICE_JSON, bytes: Buffer.from(`${JSON.stringify(notice, undefined, 2)}\n`) },
  ];
}

function line({ file, reason }: Failure): string {
  return `Failed to download file (${safeName(file.filename)}): ${reason}.\n`;
}

function described({ file, reason, sourceStatus, entry }: Failure, fileUrl: (id: number) => string) {
  return {
    fileId: file.id,
    file: file.filename,
    fileType: file.fileType,
    product: file.providerId,
    productUrn: file.productUrn,
    dataset: file.datasetLabel,
    datasetUrn: file.datasetUrn,
    reference: file.reference,
    reason,
    ...(sourceStatus !== undefined && { sourceStatus }),
    ...(entry !== undefined && { incompleteEntry: entry }),
    downloadUrl: fileUrl(file.id),
  };
}
