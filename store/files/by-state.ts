/** The files and sub-orders of a whole order for who wants to know what became of each: in pages, by state. */
import { FILE_STATES, type FileState } from "#crds/files.ts";
import { type Db, withoutNulls } from "../db.ts";
import { filesOfSubOrders } from "./read.ts";
import { type StoredSubOrder, subOrderColumns, toSubOrderRow } from "./sub-orders.ts";
import type { FileRow, SubOrderRow, SubOrderState } from "./types.ts";

export type OrderFilesPage = {
  /** Absent: in whatever state. */
  readonly states?: readonly FileState[];
  /** By number: only its files. */
  readonly subOrder?: number;
  readonly page: number;
  readonly size: number;
};

/** By which counter of a sub-order one sees that it may hold files in this state. */
const COUNTERS: Readonly<Record<FileState, "pending" | "available" | "downloaded" | "failed">> = {
  PENDING: "pending",
  AVAILABLE: "available",
  DOWNLOAD_ERROR: "available",
  DOWNLOADED: "downloaded",
  ERROR: "failed",
  PROCESSING_ERROR: "failed",
};

/**
 * One page, by sub-order and id, and how many there are; `page` counts from 0. Only sub-orders whose counters say that they hold such files are
 * looked into: the few failures of a million files are found without reading the million.
 */
export async function orderFiles(
  db: Db,
  orderId: number,
  o: OrderFilesPage,
): Promise<{ readonly rows: readonly FileRow[]; readonly total: number }> {
  const states = o.states ?? FILE_STATES;
  const counters = [...new Set(states.map((state) => COUNTERS[state]))];
  return db.begin("isolation level repeatable read read only", async (sql) => {
    const sum = counters.map((name) => sql`${sql(`files_${name}`)}`).reduce((a, b) => sql`${a} + ${b}`);
    const holders = await sql<{ number: number }[]>`
      SELECT number FROM sub_orders_now
      WHERE order_id = ${orderId} AND ${sum} > 0 ${o.subOrder === undefined ? sql`` : sql`AND number = ${o.subOrder}`}
      ORDER BY number`;
    const counted = await sql<{ number: number; n: number }[]>`
      SELECT sub_order AS number, count(*) AS n FROM order_files
      WHERE order_id = ${orderId} AND sub_order = ANY(${holders.map(({ number }) => number)}::integer[])
        AND state = ANY(${[...states]}::text[])
      GROUP BY sub_order ORDER BY sub_order`;
    const { numbers, skip, total } = placesOf(counted, o);
    if (numbers.length === 0) return { rows: [], total };
    const rows = await sql<FileRow[]>`
      ${filesOfSubOrders(sql, orderId, { numbers, states })} LIMIT ${o.size} OFFSET ${skip}`;
    return { rows: rows.map((row) => withoutNulls<FileRow>(row)), total };
  });
}

/** The sub-orders that hold the page, and how many of their files come before it. */
function placesOf(
  counted: readonly { readonly number: number; readonly n: number }[],
  { page, size }: { readonly page: number; readonly size: number },
) {
  const start = page * size;
  const numbers: number[] = [];
  let skip = start;
  let total = 0;
  for (const { number, n } of counted) {
    if (total + n <= start) skip -= n;
    else if (total < start + size) numbers.push(number);
    total += n;
  }
  return { numbers, skip, total };
}

/** One page of the sub-orders by number, and how many there are; `page` counts from 0. */
export async function subOrdersPage(
  db: Db,
  orderId: number,
  o: { readonly states?: readonly SubOrderState[]; readonly page: number; readonly size: number },
): Promise<{ readonly rows: readonly SubOrderRow[]; readonly total: number }> {
  return db.begin("isolation level repeatable read read only", async (sql) => {
    const inState = o.states === undefined ? sql`` : sql`AND state = ANY(${[...o.states]}::text[])`;
    const [count] = await sql<{ total: number }[]>`
      SELECT count(*) AS total FROM sub_orders WHERE order_id = ${orderId} ${inState}`;
    const rows = await sql<StoredSubOrder[]>`
      SELECT ${subOrderColumns(sql)} FROM sub_orders_now WHERE order_id = ${orderId} ${inState}
      ORDER BY number LIMIT ${o.size} OFFSET ${o.page * o.size}`;
    return { rows: rows.map(toSubOrderRow), total: count?.total ?? 0 };
  });
}
