/**
 * Reading files: for workers, for lists, for archives. Order of an order's files is everywhere the same: by sub-order, then by id.
 */
import { FILE_STATES, type FileState } from "#crds/files.ts";
import { type Db, type Transaction, withoutNulls } from "../db.ts";
import type { FileRow, WorkFile } from "./types.ts";

/** Where what a worker fetches is kept: an order's own files, or what a process works on. */
export type Fetched = "order_files" | "process_inputs";

/** The pending files or inputs of a sub-order, by id; `after` is the last id of the page before. */
export async function takeFiles(
  db: Db,
  orderId: number,
  number: number,
  o: { readonly of?: Fetched; readonly after?: number; readonly limit: number },
): Promise<readonly WorkFile[]> {
  const rows = await db<WorkFile[]>`
    SELECT id, product_urn, provider_id, file_type, uri, filename, mime_type, size, checksum, algorithm, not_ready_since, retry_after
    FROM ${db(o.of ?? "order_files")}
    WHERE order_id = ${orderId} AND sub_order = ${number} AND id > ${o.after ?? 0} AND state = 'PENDING'
    ORDER BY id
    LIMIT ${o.limit}`;
  return rows.map((row) => withoutNulls<WorkFile>(row));
}

/** The select list and join of a FileRow. */
export function fileRows(db: Db | Transaction) {
  return db`
    SELECT ${fileColumns(db)}
    FROM order_files f
    JOIN sub_orders s ON s.order_id = f.order_id AND s.number = f.sub_order`;
}

/**
 * The FileRows of some sub-orders in these states, in order: one index range for each. Written so that nothing else can be planned: while
 * statistics are from before the files were fetched, PostgreSQL believes that hardly any is AVAILABLE and joins in ways that take minutes.
 */
export function filesOfSubOrders(
  db: Db | Transaction,
  orderId: number,
  o: { readonly numbers: readonly number[]; readonly states: readonly FileState[] },
) {
  return db`
    SELECT ${fileColumns(db)}
    FROM (SELECT * FROM sub_orders WHERE order_id = ${orderId} AND number = ANY(${[...o.numbers]}::integer[])) s
    CROSS JOIN LATERAL (
      SELECT * FROM order_files
      WHERE order_id = ${orderId} AND sub_order = s.number AND state = ANY(${[...o.states]}::text[])
      ORDER BY id) f
    ORDER BY f.sub_order, f.id`;
}

export function fileColumns(db: Db | Transaction) {
  return db`f.id, f.order_id, f.sub_order, f.reference, f.product_urn, f.provider_id, f.product_version, f.file_type, f.uri, f.filename,
    f.mime_type, coalesce(f.received_size, f.size) AS size, f.size AS catalogued_size, f.checksum, f.algorithm, f.state, f.crc32, encode(f.sha256, 'hex') AS sha256,
    f.error, s.dataset_urn, s.dataset_label, s.id AS sub_order_id`;
}

/** Absent also once the order's files are given back. */
export async function findFile(db: Db, id: number): Promise<FileRow | undefined> {
  const [row] = await db<FileRow[]>`${fileRows(db)} WHERE f.id = ${id}`;
  return row && withoutNulls<FileRow>(row);
}

/**
 * One page of the files in state AVAILABLE and how many there are; `page` counts from 0. The sub-orders that hold the page are found
 * by their counters, so only their files are read: the last page of a million files costs as much as the first.
 */
export async function availableFiles(
  db: Db,
  orderId: number,
  o: { readonly subOrder?: number; readonly page: number; readonly size: number },
): Promise<{ readonly rows: readonly FileRow[]; readonly total: number }> {
  const offset = o.page * o.size;
  return db.begin("isolation level repeatable read read only", async (sql) => {
    const held = await sql<{ number: number; before: number; here: number; total: number }[]>`
      SELECT * FROM (
        SELECT number, n AS here, sum(n) OVER (ORDER BY number)::bigint - n AS before, sum(n) OVER ()::bigint AS total
        FROM (
          SELECT number, files_available - download_errors AS n FROM sub_orders_now
          WHERE order_id = ${orderId} ${o.subOrder === undefined ? sql`` : sql`AND number = ${o.subOrder}`}) t
        WHERE n > 0) t
      WHERE before = 0 OR (before < ${offset + o.size} AND before + here > ${offset})
      ORDER BY number`;
    const ofPage = held.filter(({ before, here }) => before + here > offset);
    const [first] = ofPage;
    const numbers = ofPage.map(({ number }) => number);
    const rows = first
      ? await sql<FileRow[]>`
          ${filesOfSubOrders(sql, orderId, { numbers, states: ["AVAILABLE"] })} LIMIT ${o.size} OFFSET ${offset - first.before}`
      : [];
    return { rows: rows.map((row) => withoutNulls<FileRow>(row)), total: held[0]?.total ?? 0 };
  });
}

const ARCHIVE_PAGE = 5_000;

/**
 * All files of the order in whatever state, in pages of whole sub-orders with about 5,000 files: of a million files only a page is held.
 * An archive names and parts its files by all of them, so that what has still to come shifts nothing.
 */
export async function* allFiles(db: Db, orderId: number): AsyncIterable<readonly FileRow[]> {
  const counted = await db<{ number: number; n: number }[]>`
    SELECT number, files_total AS n FROM sub_orders WHERE order_id = ${orderId} ORDER BY number`;
  yield* inPages(db, orderId, { counted, states: FILE_STATES });
}

/** The files that a link may lead to: those that are there or may still arrive, paged as those of an archive. */
export async function* linkedFiles(db: Db, orderId: number): AsyncIterable<readonly FileRow[]> {
  const counted = await db<{ number: number; n: number }[]>`
    SELECT number, files_total AS n FROM sub_orders WHERE order_id = ${orderId} ORDER BY number`;
  yield* inPages(db, orderId, { counted, states: ["PENDING", "AVAILABLE", "DOWNLOADED"] });
}

async function* inPages(
  db: Db,
  orderId: number,
  o: { readonly counted: readonly { number: number; n: number }[]; readonly states: readonly FileState[] },
): AsyncIterable<readonly FileRow[]> {
  const { counted, states } = o;
  for (let at = 0; at < counted.length; ) {
    const numbers: number[] = [];
    for (let files = 0; at < counted.length && files < ARCHIVE_PAGE; at++) {
      numbers.push(counted[at]?.number ?? 0);
      files += counted[at]?.n ?? 0;
    }
    const rows = await db<FileRow[]>`${filesOfSubOrders(db, orderId, { numbers, states })}`;
    if (rows.length > 0) yield rows.map((row) => withoutNulls<FileRow>(row));
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

/** What of which dataset was ordered, as many files as are shown of it; stays when the files are given back. */
export async function datasetsOf(db: Db, orderId: number): Promise<readonly OrderDataset[]> {
  const rows = await db<OrderDataset[]>`
    SELECT id, dataset_urn, dataset_label, products_count, files_count, files_size
    FROM order_datasets WHERE order_id = ${orderId} ORDER BY id`;
  return [...rows];
}
