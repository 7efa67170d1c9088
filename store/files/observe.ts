/**
 * How an order stands, from its sub-orders' counters. Stale ones are counted anew from their files and stored, if nobody else holds them;
 * the answer is right in any case, because the view it is read from counts what is stale as it goes. Cheap for a million files:
 * the sums are over sub-orders, and only what changed since the last look is counted.
 */
import type { ByteCounters, FileCounters, SubOrderCounters } from "#crds/order.ts";
import { type Db, type Transaction, withoutNulls } from "../db.ts";
import { fileCounters } from "../orders/rows.ts";
import { type StoredSubOrder, subOrderColumns, toSubOrderRow } from "./sub-orders.ts";
import type { SubOrderRow } from "./types.ts";

const UNTOLD_AT_ONCE = 500;
const RECOUNTED_AT_ONCE = 200;

export type OrderObservation = {
  /** `available` includes files whose last download failed: they are still there. */
  readonly files: FileCounters;
  /** Of them, those whose last download failed. */
  readonly downloadErrors: number;
  /** By catalogue until the received size is known; `available` includes what was downloaded. Files of unknown size count as 0. */
  readonly bytes: ByteCounters;
  readonly subOrders: SubOrderCounters;
  /** A sub-order has nothing pending and something that was never downloaded. */
  readonly waitingForUser: boolean;
  /** Sub-orders that run, by number. */
  readonly active: readonly SubOrderRow[];
  /** Ended sub-orders whose present attempt no `recordProgress` has named as told, by number; at most 500 at a time. */
  readonly untold: readonly SubOrderRow[];
  /** There may be more of them. */
  readonly moreUntold: boolean;
  /** The earliest time that a waiting sub-order waits for. */
  readonly nextNotBefore?: Date;
  readonly lastReportAt?: Date;
};

export async function observeOrder(db: Db, orderId: number): Promise<OrderObservation> {
  await recount(db, orderId);
  return db.begin("isolation level repeatable read read only", async (sql) => {
    const [sums, active, untold] = await Promise.all([
      sumUp(sql, orderId),
      sql<StoredSubOrder[]>`
        SELECT ${subOrderColumns(sql)} FROM sub_orders_now WHERE order_id = ${orderId} AND state = 'Running' ORDER BY number`,
      sql<StoredSubOrder[]>`
        SELECT ${subOrderColumns(sql)} FROM sub_orders_now
        WHERE order_id = ${orderId} AND state IN ('Succeeded', 'Failed') AND told_attempt < attempt
        ORDER BY number
        LIMIT ${UNTOLD_AT_ONCE}`,
    ]);
    const moreUntold = untold.length === UNTOLD_AT_ONCE;
    return { ...sums, active: active.map(toSubOrderRow), untold: untold.map(toSubOrderRow), moreUntold };
  });
}

/**
 * Stores the counters of stale sub-orders. One that changes meanwhile stays stale: `changes` must still be what it was before the count.
 * In two steps and small batches, so that no plan, however badly estimated, counts a sub-order's files more than once.
 */
async function recount(db: Db, orderId: number): Promise<void> {
  const stale = await db<{ number: number; changes: number }[]>`
    SELECT number, changes FROM sub_orders WHERE order_id = ${orderId} AND changes <> counted ORDER BY number`;
  for (let i = 0; i < stale.length; i += RECOUNTED_AT_ONCE) {
    const batch = stale.slice(i, i + RECOUNTED_AT_ONCE);
    await db`
      WITH now AS MATERIALIZED (
        SELECT t.number, t.changes, c.*
        FROM unnest(${batch.map((s) => s.number)}::integer[], ${batch.map((s) => s.changes)}::bigint[]) AS t(number, changes)
        CROSS JOIN LATERAL count_files(${orderId}, t.number) c)
      UPDATE sub_orders s SET counted = now.changes, files_total = now.files_total, files_pending = now.files_pending,
        files_available = now.files_available, files_downloaded = now.files_downloaded, files_failed = now.files_failed,
        download_errors = now.download_errors, bytes_total = now.bytes_total, bytes_available = now.bytes_available,
        bytes_failed = now.bytes_failed
      FROM now
      WHERE s.order_id = ${orderId} AND s.number = now.number AND s.changes = now.changes`;
  }
}

type Sums = Omit<OrderObservation, "active" | "untold" | "moreUntold">;
type StoredSums = Parameters<typeof fileCounters>[0] &
  SubOrderCounters & {
    readonly downloadErrors: number;
    readonly bytesTotal: number;
    readonly bytesAvailable: number;
    readonly bytesFailed: number;
    readonly waitingForUser: boolean;
    readonly nextNotBefore?: Date;
    readonly lastReportAt?: Date;
  };

async function sumUp(sql: Transaction, orderId: number): Promise<Sums> {
  const [row] = await sql<[StoredSums]>`
    SELECT coalesce(sum(files_total), 0)::bigint AS files_total, coalesce(sum(files_pending), 0)::bigint AS files_pending,
      coalesce(sum(files_available), 0)::bigint AS files_available, coalesce(sum(files_downloaded), 0)::bigint AS files_downloaded,
      coalesce(sum(files_failed), 0)::bigint AS files_failed, coalesce(sum(download_errors), 0)::bigint AS download_errors,
      coalesce(sum(bytes_total), 0)::bigint AS bytes_total, coalesce(sum(bytes_available), 0)::bigint AS bytes_available,
      coalesce(sum(bytes_failed), 0)::bigint AS bytes_failed, count(*) AS total,
      count(*) FILTER (WHERE state = 'Waiting') AS waiting, count(*) FILTER (WHERE state = 'Running') AS running,
      count(*) FILTER (WHERE state = 'Succeeded') AS succeeded, count(*) FILTER (WHERE state = 'Failed') AS failed,
      coalesce(bool_or(files_pending = 0 AND files_available > download_errors), false) AS waiting_for_user,
      min(not_before) FILTER (WHERE state = 'Waiting') AS next_not_before, max(last_report_at) AS last_report_at
    FROM sub_orders_now
    WHERE order_id = ${orderId}`;
  const { filesTotal, filesPending, filesAvailable, filesDownloaded, filesFailed, ...rest } = row;
  const { bytesTotal, bytesAvailable, bytesFailed, total, waiting, running, succeeded, failed, ...others } = rest;
  return {
    ...withoutNulls<typeof others>(others),
    files: fileCounters({ filesTotal, filesPending, filesAvailable, filesDownloaded, filesFailed }),
    bytes: { total: bytesTotal, available: bytesAvailable, failed: bytesFailed },
    subOrders: { total, waiting, running, succeeded, failed },
  };
}
