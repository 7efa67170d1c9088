/**
 * Which files' bytes are really there. An archive's headers go out before its content, so what is missing must be known beforehand:
 * in a folder by looking, in an object store by the blobs' rows (asking for each of thousands of objects would take minutes).
 */
import { statSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { findBlobs } from "#store/blob-rows.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import type { FileRow } from "#store/files.ts";

const AT_ONCE = 500;

/** The ids of the files whose bytes are missing or of another size than known. References have no bytes here and are not looked at. */
export async function missingFiles(
  o: { readonly db: Db; readonly blobs: BlobStore; readonly now: () => Date },
  files: readonly FileRow[],
): Promise<ReadonlySet<number>> {
  const stored = files.filter((file) => !file.reference);
  const missing = new Set<number>();
  for (let i = 0; i < stored.length; i += AT_ONCE) {
    const batch = stored.slice(i, i + AT_ONCE);
    const sizes = o.blobs.path ? sizesInFolder(batch, o.blobs.path) : await sizesInRows(o, batch);
    for (const file of batch) {
      if (file.sha256 === undefined || file.crc32 === undefined || sizes.get(file.sha256) !== file.size) {
        missing.add(file.id);
      }
    }
    await setImmediate();
  }
  return missing;
}

/** A synchronous look costs microseconds; a hundred thousand asynchronous ones would cost seconds. */
function sizesInFolder(files: readonly FileRow[], path: (sha256: string) => string): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { sha256 } of files) {
    const size = sha256 === undefined ? undefined : statSync(path(sha256), { throwIfNoEntry: false })?.size;
    if (sha256 !== undefined && size !== undefined) sizes.set(sha256, size);
  }
  return sizes;
}

async function sizesInRows(
  o: { readonly db: Db; readonly now: () => Date },
  files: readonly FileRow[],
): Promise<Map<string, number>> {
  const hashes = [...new Set(files.flatMap((file) => file.sha256 ?? []))];
  const rows = await findBlobs(o.db, hashes, { now: o.now() });
  return new Map(rows.map((row) => [row.sha256, row.size]));
}
