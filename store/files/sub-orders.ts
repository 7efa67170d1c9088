/**
 * The life of a sub-order: Waiting → Running → Succeeded or Failed, or back to Waiting for another attempt.
 * Each step is guarded by state and attempt, so a repeat or a late actor changes nothing.
 */
import { changeNotice, notifyChange } from "../changes.ts";
import { type Db, type Transaction, withoutNulls } from "../db.ts";
import { fileCounters } from "../orders/rows.ts";
import type { SubOrderRow, SubOrderState } from "./types.ts";

/** What to select of `sub_orders_now` for `toSubOrderRow`. */
export function subOrderColumns(db: Db | Transaction) {
  return db`id, order_id, number, attempt, state, not_before, files_total, files_pending, files_available, files_downloaded, files_failed,
    bytes_total AS bytes, reference, dataset_urn, dataset_label, started_at, ended_at, last_report_at, message, process`;
}

export type StoredSubOrder = Omit<SubOrderRow, "files"> & Parameters<typeof fileCounters>[0];

export function toSubOrderRow(stored: StoredSubOrder): SubOrderRow {
  const { filesTotal, filesPending, filesAvailable, filesDownloaded, filesFailed, ...rest } = stored;
  return {
    ...withoutNulls<typeof rest>(rest),
    files: fileCounters({ filesTotal, filesPending, filesAvailable, filesDownloaded, filesFailed }),
  };
}

/** Sub-orders by number; `after` is the last number of the page before. */
export async function subOrdersOf(
  db: Db,
  orderId: number,
  o: { readonly states?: readonly SubOrderState[]; readonly after?: number; readonly limit: number },
): Promise<readonly SubOrderRow[]> {
  const rows = await db<StoredSubOrder[]>`
    SELECT ${subOrderColumns(db)} FROM sub_orders_now
    WHERE order_id = ${orderId} AND number > ${o.after ?? 0}
    ${o.states === undefined ? db`` : db`AND state = ANY(${[...o.states]}::text[])`}
    ORDER BY number
    LIMIT ${o.limit}`;
  return rows.map(toSubOrderRow);
}

/**
 * Ends the running attempt; `failPending` fails the files that are still pending, for that reason. False if that attempt does not run.
 * A process's inputs are given back: no attempt follows.
 */
export function endSubOrder(
  db: Db,
  orderId: number,
  number: number,
  o: {
    readonly attempt: number;
    readonly state: "Succeeded" | "Failed";
    readonly failPending?: string;
    readonly now: Date;
  },
): Promise<boolean> {
  return db.begin(async (sql) => {
    const [ended] = await sql<{ processed: boolean }[]>`
      UPDATE sub_orders SET state = ${o.state}, ended_at = ${o.now}, not_before = NULL, message = coalesce(${o.failPending ?? null}, message), changes = changes + 1
      WHERE order_id = ${orderId} AND number = ${number} AND attempt = ${o.attempt} AND state = 'Running'
      RETURNING process IS NOT NULL AS processed`;
    if (ended === undefined) return false;
    if (o.failPending !== undefined) {
      await sql`
        UPDATE order_files SET state = ${ended.processed ? "PROCESSING_ERROR" : "ERROR"}, error = ${o.failPending}, retry_after = NULL
        WHERE order_id = ${orderId} AND sub_order = ${number} AND state = 'PENDING'`;
    }
    if (ended.processed) await sql`DELETE FROM process_inputs WHERE order_id = ${orderId} AND sub_order = ${number}`;
    await notifyChange(sql, orderId);
    return true;
  });
}

/** Puts the running attempt back in the queue as the next attempt, not before a time if one is given. False if that attempt does not run. */
export async function againSubOrder(
  db: Db,
  orderId: number,
  number: number,
  o: { readonly attempt: number; readonly notBefore?: Date; readonly reason?: string; readonly now: Date },
): Promise<boolean> {
  const again = await db`
    WITH again AS (
      UPDATE sub_orders
      SET state = 'Waiting', attempt = attempt + 1, not_before = ${o.notBefore ?? null}, message = ${o.reason ?? null}, started_at = NULL
      WHERE order_id = ${orderId} AND number = ${number} AND attempt = ${o.attempt} AND state = 'Running'
      RETURNING order_id)
    SELECT FROM again, ${changeNotice(db, db`order_id`)}`;
  return again.count > 0;
}
