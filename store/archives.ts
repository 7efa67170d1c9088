/**
 * Which files an archive holds: remembered when it is first asked for, so that a download that goes on later, when other files
 * have become available or are marked as downloaded, continues the same bytes. Gone with the order's files.
 */
import type { Db } from "./db.ts";

export type ArchiveRow = {
  readonly etag: string;
  readonly orderId: number;
  /** Ids in the order of the archive. */
  readonly files: readonly number[];
  /** Ids of files whose bytes were gone when the archive was planned: it tells of them instead. */
  readonly missing?: readonly number[];
  /** Layout and part, as the caller names them; `flat` unless told. */
  readonly variant?: string;
  /** It is one file by itself, not an archive of the order. */
  readonly single?: boolean;
  /** Bytes of the whole archive. */
  readonly size: number;
};

/** Remembers the archive; the same etag again is the same archive, and only the time of its last use changes. */
export async function createArchive(db: Db, archive: ArchiveRow & { readonly now: Date }): Promise<void> {
  const { etag, orderId, files, missing = [], single = false, variant = "flat", size, now } = archive;
  await db`
    INSERT INTO archives (etag, order_id, files, missing, single, variant, size, created_at, last_served_at)
    VALUES (${etag}, ${orderId}, ${[...files]}::bigint[], ${[...missing]}::bigint[], ${single}, ${variant}, ${size}, ${now}, ${now})
    ON CONFLICT (etag) DO UPDATE SET last_served_at = excluded.last_served_at`;
}

export async function findArchive(db: Db, etag: string): Promise<ArchiveRow | undefined> {
  const [row] = await db<
    ArchiveRow[]
  >`SELECT etag, order_id, files, missing, single, variant, size FROM archives WHERE etag = ${etag}`;
  return row;
}

/** The archive of this kind of the order that was asked for last: what a client continues that does not name one. */
export async function latestArchive(db: Db, orderId: number, variant: string): Promise<ArchiveRow | undefined> {
  const [row] = await db<ArchiveRow[]>`
    SELECT etag, order_id, files, missing, single, variant, size FROM archives
    WHERE order_id = ${orderId} AND variant = ${variant} AND NOT single
    ORDER BY coalesce(last_served_at, created_at) DESC, etag
    LIMIT 1`;
  return row;
}

/** Bytes `start` to `end` (exclusive). */
export type DeliveredRange = { readonly start: number; readonly end: number };

/** An answer under way; `end` is as far as its bytes may have gone before more is noted. */
export type Sending = DeliveredRange & { readonly id: string; readonly etag: string };

/**
 * Notes, before they go, that bytes are being sent. A client that asks for what begins within a sending which nobody ended has the bytes before
 * that place: who sent them died before it could say so. They count as sent from now on.
 */
export async function noteSending(db: Db, { id, etag, start, end }: Sending): Promise<void> {
  await db`
    WITH broken AS (
      DELETE FROM archive_sendings
      WHERE etag = ${etag} AND first_byte <= ${start} AND ${start} < last_byte AND id <> ${id}
      RETURNING first_byte
    ), arrived AS (
      UPDATE archives SET delivered = delivered + (SELECT range_agg(int8range(first_byte, ${start})) FROM broken)
      WHERE etag = ${etag} AND EXISTS (SELECT FROM broken)
    )
    INSERT INTO archive_sendings (id, etag, first_byte, last_byte) VALUES (${id}, ${etag}, ${start}, ${end})
    ON CONFLICT (id) DO UPDATE SET last_byte = excluded.last_byte`;
}

export async function endSending(db: Db, id: string): Promise<void> {
  await db`DELETE FROM archive_sendings WHERE id = ${id}`;
}

/** Adds bytes that were sent of an archive; returns all that were sent of it so far, without overlaps, in order. */
export async function recordDelivery(db: Db, etag: string, sent: DeliveredRange): Promise<readonly DeliveredRange[]> {
  const rows = await db<{ start: number; end: number }[]>`
    WITH merged AS (
      UPDATE archives SET delivered = delivered + int8multirange(int8range(${sent.start}, ${sent.end}))
      WHERE etag = ${etag}
      RETURNING delivered
    )
    SELECT lower(part) AS start, upper(part) AS end FROM merged, unnest(delivered) AS part ORDER BY 1`;
  return rows.map(({ start, end }) => ({ start, end }));
}
