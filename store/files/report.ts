/**
 * What becomes of files: results of workers, downloads. Set-based and safe to repeat: only a file in a state that the event can
 * follow is changed. Every writer locks the rows of its sub-orders first, in order, then touches files: so writers never dead-lock.
 */
import type postgres from "postgres";
import { notifyChange } from "../changes.ts";
import type { Db, Transaction } from "../db.ts";
import type { Fetched } from "./read.ts";
import type { FileResult } from "./types.ts";

type Fragment = postgres.PendingQuery<postgres.Row[]>;

const LONGEST_ERROR = 2_000;

/** Stores the results of files, or of a process's inputs, that are still PENDING; others stay as they are. A blob that is not there (any more) leaves its file PENDING. */
export async function reportFiles(
  db: Db,
  orderId: number,
  number: number,
  results: readonly FileResult[],
  o: { readonly of?: Fetched; readonly now: Date },
): Promise<void> {
  if (results.length === 0) return;
  const available = results.filter((result) => result.kind === "available");
  const failed = results.filter((result) => result.kind === "failed");
  const notReady = results.filter((result) => result.kind === "notReady");
  await db.begin(async (sql) => {
    const marked = await sql`
      UPDATE sub_orders SET changes = changes + 1, last_report_at = ${o.now},
        last_arrival_at = CASE WHEN ${available.length > 0} THEN ${o.now}::timestamptz ELSE last_arrival_at END
      WHERE order_id = ${orderId} AND number = ${number}`;
    if (marked.count === 0) return;
    // Not `=`: the way to the file must be its id, also while PostgreSQL does not know yet how many files a new order has.
    const ofSubOrder = sql`(f.order_id, f.sub_order) IS NOT DISTINCT FROM (${orderId}::bigint, ${number}::integer) AND f.state = 'PENDING'`;
    const fetched = sql(o.of ?? "order_files");
    if (available.length > 0) await storeAvailable(sql, available, { fetched, ofSubOrder });
    if (failed.length > 0) {
      await sql`
        UPDATE ${fetched} f SET state = 'ERROR', error = r.error, retry_after = NULL
        FROM unnest(${failed.map((r) => r.id)}::bigint[], ${failed.map((r) => text(r.error))}::text[]) AS r(id, error)
        WHERE f.id = r.id AND ${ofSubOrder}`;
    }
    if (notReady.length > 0) {
      await sql`
        UPDATE ${fetched} f SET retry_after = r.retry_after, error = r.reason, not_ready_since = coalesce(f.not_ready_since, ${o.now})
        FROM unnest(${notReady.map((r) => r.id)}::bigint[], ${notReady.map((r) => r.retryAfter.toISOString())}::timestamptz[],
          ${notReady.map((r) => (r.reason === undefined ? null : text(r.reason)))}::text[]) AS r(id, retry_after, reason)
        WHERE f.id = r.id AND ${ofSubOrder}`;
    }
    await notifyChange(sql, orderId);
  });
}

type Available = Extract<FileResult, { kind: "available" }>;

/**
 * The blobs' rows are locked against the collector: it looks for files that refer to a blob only once it holds the row itself.
 * In the order of their hashes, like everybody who locks several.
 */
async function storeAvailable(
  sql: Transaction,
  results: readonly Available[],
  { fetched, ofSubOrder }: { readonly fetched: postgres.Helper<string>; readonly ofSubOrder: Fragment },
): Promise<void> {
  const sorted = results.toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  await sql`
    WITH r AS MATERIALIZED (
      SELECT t.id, t.size, t.crc32, t.mime_type, blob.sha256
      FROM unnest(${sorted.map((r) => r.id)}::bigint[], ${sorted.map((r) => r.sha256)}::text[], ${sorted.map((r) => r.size)}::bigint[],
        ${sorted.map((r) => r.crc32)}::bigint[], ${sorted.map((r) => r.mimeType ?? null)}::text[]) AS t(id, hex, size, crc32, mime_type)
      CROSS JOIN LATERAL (SELECT sha256 FROM blobs WHERE sha256 = decode(t.hex, 'hex') FOR SHARE) blob
    )
    UPDATE ${fetched} f SET state = 'AVAILABLE', sha256 = r.sha256, received_size = r.size, crc32 = r.crc32,
      mime_type = coalesce(r.mime_type, f.mime_type), error = NULL, retry_after = NULL, not_ready_since = NULL
    FROM r
    WHERE f.id = r.id AND ${ofSubOrder}`;
}

/** PostgreSQL has no NUL in text, and nobody reads a page of error. */
export function text(error: string): string {
  return error.replaceAll("\0", "").slice(0, LONGEST_ERROR);
}

/** The user has got these files. */
export function markDownloaded(db: Db, ids: readonly number[], o: { readonly now: Date }): Promise<void> {
  return mark(db, ids, {
    ...o,
    set: (sql) => sql`state = 'DOWNLOADED', error = NULL`,
    from: ["AVAILABLE", "DOWNLOAD_ERROR"],
  });
}

/** The last try to hand out this file failed. */
export function markDownloadFailed(db: Db, id: number, reason: string): Promise<void> {
  return mark(db, [id], {
    set: (sql) => sql`state = 'DOWNLOAD_ERROR', error = ${text(reason)}`,
    from: ["AVAILABLE", "DOWNLOADED"],
  });
}

async function mark(
  db: Db,
  ids: readonly number[],
  o: { readonly set: (sql: Transaction) => Fragment; readonly from: readonly string[] },
): Promise<void> {
  await db.begin(async (sql) => {
    const orders = await sql<{ orderId: number }[]>`
      WITH held AS MATERIALIZED (
        SELECT order_id, number FROM sub_orders
        WHERE (order_id, number) IN (SELECT order_id, sub_order FROM order_files WHERE id = ANY(${[...ids]}::bigint[]))
        ORDER BY order_id, number
        FOR NO KEY UPDATE)
      UPDATE sub_orders s SET changes = changes + 1
      FROM held WHERE s.order_id = held.order_id AND s.number = held.number
      RETURNING s.order_id`;
    await sql`UPDATE order_files SET ${o.set(sql)} WHERE id = ANY(${[...ids]}::bigint[]) AND state = ANY(${[...o.from]}::text[])`;
    for (const orderId of new Set(orders.map((row) => row.orderId))) await notifyChange(sql, orderId);
  });
}
