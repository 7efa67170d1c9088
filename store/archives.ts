/**
 * Which files an archive holds: remembered when its first byte is sent, so that a download that goes on later, when other files
 * have become available or are marked as downloaded, continues the same bytes. Gone with the order's files.
 */
import type { Db } from "./db.ts";

export type ArchiveRow = {
  readonly etag: string;
  readonly orderId: number;
  /** Ids in the order of the archive. */
  readonly files: readonly number[];
  /** Bytes of the whole archive. */
  readonly size: number;
};

/** Remembers the archive; the same etag again is the same archive and changes nothing. */
export async function createArchive(db: Db, archive: ArchiveRow & { readonly now: Date }): Promise<void> {
  await db`
    INSERT INTO archives (etag, order_id, files, size, created_at)
    VALUES (${archive.etag}, ${archive.orderId}, ${[...archive.files]}::bigint[], ${archive.size}, ${archive.now})
    ON CONFLICT (etag) DO NOTHING`;
}

export async function findArchive(db: Db, etag: string): Promise<ArchiveRow | undefined> {
  const [row] = await db<ArchiveRow[]>`SELECT etag, order_id, files, size FROM archives WHERE etag = ${etag}`;
  return row;
}
