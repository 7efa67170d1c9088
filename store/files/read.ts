/**
 * Reading files: for workers, for lists, for archives. Order of an order's files is everywhere the same: by sub-order, then by id.
 */
import { type Db, type Transaction, withoutNulls } from "../db.ts";
import type { FileRow, WorkFile } from "./types.ts";

/** The pending files of a sub-order, by id; `after` is the last id of the page before. */
export async function takeFiles(
  db: Db,
  orderId: number,
  number: number,
  o: { readonly after?: number; readonly limit: number },
): Promise<readonly WorkFile[]> {
  const rows = await db<WorkFile[]>`
    SELECT id, product_urn, provider_id, file_type, uri, filename, mime_type, size, checksum, algorithm, not_ready_since, retry_after
    FROM order_files
    WHERE order_id = ${orderId} AND sub_order = ${number} AND id > ${o.after ?? 0} AND state = 'PENDING'
    ORDER BY id
    LIMIT ${o.limit}`;
  return rows.map((row) => withoutNulls<WorkFile>(row));
}

/** The select list and join of a FileRow. */
export function fileRows(db: Db | Transaction) {
  return db`
    SELECT f.id, f.order_id, f.sub_order, f.reference, f.product_urn, f.provider_id, f.product_version, f.file_type, f.uri, f.filename,
      f.mime_type, coalesce(f.received_size, f.size) AS size, f.checksum, f.algorithm, f.state, f.crc32, encode(f.sha256, 'hex') AS sha256,
      f.error, s.dataset_urn, s.dataset_label
    FROM order_files f
    JOIN sub_orders s ON s.order_id = f.order_id AND s.number = f.sub_order`;
}

/** Absent also once the order's files are given back. */
export async function findFile(db: Db, id: number): Promise<FileRow | undefined> {
  const [row] = await db<FileRow[]>`${fileRows(db)} WHERE f.id = ${id}`;
  return row && withoutNulls<FileRow>(row);
}

/**
 * One page of the files in state AVAILABLE and how many there are; `page` counts from 0. Sub-orders before the page are skipped by
 * their counters, so the last page of a million files costs as much as the first.
 */
export async function availableFiles(
  db: Db,
  orderId: number,
  o: { readonly subOrder?: number; readonly page: number; readonly size: number },
): Promise<{ readonly rows: readonly FileRow[]; readonly total: number }> {
  return db.begin("isolation level repeatable read read only", async (sql) => {
    const offset = o.page * o.size;
    const [counted] = await sql<{ total: number; number: number | null; before: number }[]>`
      WITH here AS MATERIALIZED (
        SELECT number, files_available - download_errors AS n FROM sub_orders_now
        WHERE order_id = ${orderId} ${o.subOrder === undefined ? sql`` : sql`AND number = ${o.subOrder}`}
      ), sums AS (
        SELECT number, n, sum(n) OVER (ORDER BY number)::bigint AS up_to FROM here)
      SELECT (SELECT coalesce(sum(n), 0)::bigint FROM here) AS total, start.number, start.up_to - start.n AS before
      FROM (SELECT) one
      LEFT JOIN LATERAL (SELECT * FROM sums WHERE n > 0 AND up_to > ${offset} ORDER BY number LIMIT 1) start ON true`;
    const { total = 0, number: start = null, before = 0 } = counted ?? {};
    const rows =
      start === null
        ? []
        : await sql<FileRow[]>`
          ${fileRows(sql)}
          WHERE f.order_id = ${orderId} AND f.sub_order >= ${start} AND s.number >= ${start} AND f.state = 'AVAILABLE'
          ${o.subOrder === undefined ? sql`` : sql`AND f.sub_order = ${o.subOrder}`}
          ORDER BY f.sub_order, f.id
          LIMIT ${o.size} OFFSET ${offset - before}`;
    return { rows: rows.map((row) => withoutNulls<FileRow>(row)), total };
  });
}

const ARCHIVE_PAGE = 5_000;

/** All files that an archive may hold (AVAILABLE or DOWNLOADED), in pages: nothing of a million files is held but one page. */
export async function* archiveFiles(db: Db, orderId: number): AsyncIterable<readonly FileRow[]> {
  let subOrder = 0;
  let id = 0;
  for (;;) {
    const rows = await db<FileRow[]>`
      ${fileRows(db)}
      WHERE f.order_id = ${orderId} AND (f.sub_order, f.id) > (${subOrder}, ${id}) AND s.number >= ${subOrder} AND f.state IN ('AVAILABLE', 'DOWNLOADED')
      ORDER BY f.sub_order, f.id
      LIMIT ${ARCHIVE_PAGE}`;
    const last = rows.at(-1);
    if (!last) return;
    yield rows.map((row) => withoutNulls<FileRow>(row));
    ({ subOrder, id } = last);
  }
}

export type OrderDataset = {
  readonly id: number;
  readonly datasetUrn: string;
  readonly datasetLabel: string;
  readonly productsCount: number;
  readonly filesCount: number;
  readonly filesSize: number;
};

/** What of which dataset was ordered; stays when the files are given back. */
export async function datasetsOf(db: Db, orderId: number): Promise<readonly OrderDataset[]> {
  const rows = await db<OrderDataset[]>`
    SELECT id, dataset_urn, dataset_label, products_count, files_count, files_size
    FROM order_datasets WHERE order_id = ${orderId} ORDER BY id`;
  return [...rows];
}
