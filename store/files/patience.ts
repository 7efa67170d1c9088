/**
 * What a sub-order's source lets us hope for: when it said that the next file would be ready, and since when it has given none.
 * Counted from the files and a process's inputs, and asked for only when an attempt ended without all of them.
 */
import { type Db, withoutNulls } from "../db.ts";

export type Patience = {
  /** The earliest time at which a pending file was said to be ready. */
  readonly readyAt?: Date;
  /** When the source first said "not ready" of a file that is still pending, or last gave one, whichever came later. */
  readonly silentSince?: Date;
};

export async function patienceOf(db: Db, orderId: number, number: number): Promise<Patience> {
  const [row] = await db`
    SELECT f.ready_at, greatest(f.since, s.last_arrival_at) AS silent_since
    FROM sub_orders s
    CROSS JOIN LATERAL (
      SELECT min(retry_after) AS ready_at, min(not_ready_since) AS since
      FROM (
        SELECT order_id, sub_order, state, retry_after, not_ready_since FROM order_files
        UNION ALL
        SELECT order_id, sub_order, state, retry_after, not_ready_since FROM process_inputs) wanted
      WHERE order_id = s.order_id AND sub_order = s.number AND state = 'PENDING') f
    WHERE s.order_id = ${orderId} AND s.number = ${number} AND f.since IS NOT NULL`;
  return row ? withoutNulls<Patience>(row) : {};
}
