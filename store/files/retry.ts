/**
 * What users do to an order's files as a whole: fetch failed ones again, or give up on those that are not there. Both may be repeated.
 * What a process gave is not had again one by one: its sub-orders are left alone by a retry.
 */
import { notifyChange } from "../changes.ts";
import type { Db } from "../db.ts";

const SUB_ORDERS_AT_ONCE = 50;

/**
 * Carries out `spec.retry`: files in ERROR or DOWNLOAD_ERROR are wanted again, files that are good keep their state. References are
 * at once available; the ended sub-orders of the others wait for another attempt. Returns how many files; 0 for a `retry` served before.
 */
export function retryFailed(
  db: Db,
  orderId: number,
  o: { readonly retry: number; readonly now: Date },
): Promise<number> {
  return db.begin(async (sql) => {
    const served = await sql`
      UPDATE orders SET retries_served = ${o.retry} WHERE id = ${orderId} AND retries_served < ${o.retry} AND NOT purged`;
    if (served.count === 0) return 0;
    await sql`SELECT FROM sub_orders WHERE order_id = ${orderId} ORDER BY number FOR NO KEY UPDATE`;
    const reset = await sql<{ subOrder: number; reference: boolean; files: number }[]>`
      WITH reset AS (
        UPDATE order_files
        SET state = CASE WHEN reference THEN 'AVAILABLE' ELSE 'PENDING' END, error = NULL, retry_after = NULL, not_ready_since = NULL,
          sha256 = NULL, received_size = NULL, crc32 = NULL
        WHERE order_id = ${orderId} AND state IN ('ERROR', 'DOWNLOAD_ERROR') AND sub_order = ANY(ARRAY(
          SELECT number FROM sub_orders_now WHERE order_id = ${orderId} AND process IS NULL AND (files_failed > 0 OR download_errors > 0)))
        RETURNING sub_order, reference)
      SELECT sub_order, reference, count(*) AS files FROM reset GROUP BY sub_order, reference`;
    await sql`
      UPDATE sub_orders SET changes = changes + 1
      WHERE order_id = ${orderId} AND number = ANY(${reset.map((r) => r.subOrder)}::integer[])`;
    await sql`
      UPDATE sub_orders SET state = 'Waiting', attempt = attempt + 1, not_before = NULL, message = NULL, started_at = NULL, ended_at = NULL
      WHERE order_id = ${orderId} AND number = ANY(${reset.filter((r) => !r.reference).map((r) => r.subOrder)}::integer[])
        AND state IN ('Succeeded', 'Failed')`;
    await notifyChange(sql, orderId);
    return reset.reduce((sum, r) => sum + r.files, 0);
  });
}

/**
 * Gives up on what is not there: pending files fail for this reason, waiting sub-orders end as Failed. Running sub-orders keep their
 * state, whoever stopped their Job ends them. In batches: an order of a million files would hold its locks too long.
 */
export async function cancelPending(
  db: Db,
  orderId: number,
  o: { readonly reason: string; readonly now: Date },
): Promise<void> {
  let after = 0;
  for (;;) {
    const last = await db.begin(async (sql) => {
      const held = await sql<{ number: number; processed: boolean }[]>`
        SELECT number, process IS NOT NULL AS processed FROM sub_orders
        WHERE order_id = ${orderId} AND number > ${after} AND state IN ('Waiting', 'Running')
        ORDER BY number
        LIMIT ${SUB_ORDERS_AT_ONCE}
        FOR NO KEY UPDATE`;
      const numbers = held.map(({ number }) => number);
      if (numbers.length === 0) return undefined;
      const processed = held.filter((row) => row.processed).map(({ number }) => number);
      await sql`
        UPDATE order_files SET error = ${o.reason}, retry_after = NULL,
          state = CASE WHEN sub_order = ANY(${processed}::integer[]) THEN 'PROCESSING_ERROR' ELSE 'ERROR' END
        WHERE order_id = ${orderId} AND sub_order = ANY(${numbers}::integer[]) AND state = 'PENDING'`;
      await sql`
        UPDATE sub_orders SET changes = changes + 1, state = CASE WHEN state = 'Waiting' THEN 'Failed' ELSE state END,
          ended_at = CASE WHEN state = 'Waiting' THEN ${o.now}::timestamptz END, not_before = NULL, message = ${o.reason}
        WHERE order_id = ${orderId} AND number = ANY(${numbers}::integer[])`;
      // A running one's go when it ends: its worker may be reading them.
      await sql`
        DELETE FROM process_inputs WHERE order_id = ${orderId} AND sub_order = ANY(${processed}::integer[]) AND sub_order IN (
          SELECT number FROM sub_orders WHERE order_id = ${orderId} AND state = 'Failed')`;
      await notifyChange(sql, orderId);
      return numbers.at(-1);
    });
    if (last === undefined) return;
    after = last;
  }
}
