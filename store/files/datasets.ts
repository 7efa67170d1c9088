/** What of which dataset was ordered, for many orders at once, and the files of one of them. */
import { FILE_STATES } from "#crds/files.ts";
import { type Db, withoutNulls } from "../db.ts";
import { orderBy, type Sort } from "../sorting.ts";
import { fileColumns, filesOfSubOrders, type OrderDataset } from "./read.ts";
import type { FileRow } from "./types.ts";

/** The datasets of each of these orders; an order without any has no entry. */
export async function datasetsOfOrders(
  db: Db,
  orderIds: readonly number[],
): Promise<ReadonlyMap<number, readonly OrderDataset[]>> {
  const rows = await db<(OrderDataset & { orderId: number })[]>`
    SELECT order_id, id, dataset_urn, dataset_label, products_count, files_count, files_size
    FROM order_datasets WHERE order_id = ANY(${[...orderIds]}::bigint[]) ORDER BY id`;
  return Map.groupBy(rows, (row) => row.orderId);
}

/** The dataset's URN, if it is one of this order's. */
export async function datasetOfOrder(db: Db, orderId: number, datasetId: number): Promise<string | undefined> {
  const [row] = await db<{ datasetUrn: string }[]>`
    SELECT dataset_urn FROM order_datasets WHERE id = ${datasetId} AND order_id = ${orderId}`;
  return row?.datasetUrn;
}

const EXPRESSIONS = {
  id: "f.id",
  state: "f.state",
  productId: "f.provider_id",
  version: "f.product_version",
  dataType: "f.file_type",
  filename: "f.filename",
  filesize: "coalesce(f.received_size, f.size)",
  mimeType: "f.mime_type",
  reference: "f.reference",
} as const;

export type FileSortKey = keyof typeof EXPRESSIONS;
export const FILE_SORT_KEYS = Object.keys(EXPRESSIONS) as readonly FileSortKey[];

export type DatasetFiles = {
  readonly datasetUrn: string;
  readonly page: number;
  readonly size: number;
  readonly sorts?: readonly Sort<FileSortKey>[];
};

/** One page of the dataset's files in whatever state, by id unless told, and how many there are; `page` counts from 0. */
export async function datasetFiles(
  db: Db,
  orderId: number,
  o: DatasetFiles,
): Promise<{ readonly rows: readonly FileRow[]; readonly total: number }> {
  const subOrders = await db<{ number: number; files: number }[]>`
    SELECT number, files_total AS files FROM sub_orders
    WHERE order_id = ${orderId} AND dataset_urn = ${o.datasetUrn} ORDER BY number`;
  const total = subOrders.reduce((sum, { files }) => sum + files, 0);
  const stored = o.sorts?.length ? await sorted(db, orderId, o) : await byId(db, orderId, { ...o, subOrders });
  return { rows: stored.map((row) => withoutNulls<FileRow>(row)), total };
}

/** Reads the sub-orders that hold the page only: ids grow with their numbers. */
async function byId(
  db: Db,
  orderId: number,
  o: DatasetFiles & { readonly subOrders: readonly { readonly number: number; readonly files: number }[] },
): Promise<readonly FileRow[]> {
  const start = o.page * o.size;
  const numbers: number[] = [];
  let skipped = 0;
  let at = 0;
  for (const { number, files } of o.subOrders) {
    if (at + files <= start) skipped += files;
    else if (at < start + o.size) numbers.push(number);
    at += files;
  }
  if (numbers.length === 0) return [];
  return db<FileRow[]>`
    ${filesOfSubOrders(db, orderId, { numbers, states: FILE_STATES })} LIMIT ${o.size} OFFSET ${start - skipped}`;
}

async function sorted(db: Db, orderId: number, o: DatasetFiles): Promise<readonly FileRow[]> {
  return db<FileRow[]>`
    SELECT ${fileColumns(db)}
    FROM (SELECT * FROM sub_orders WHERE order_id = ${orderId} AND dataset_urn = ${o.datasetUrn}) s
    CROSS JOIN LATERAL (SELECT * FROM order_files WHERE order_id = ${orderId} AND sub_order = s.number) f
    ORDER BY ${orderBy(db, o.sorts ?? [], { expressions: EXPRESSIONS, last: "f.id" })}
    LIMIT ${o.size} OFFSET ${o.page * o.size}`;
}
