/** How fast files came of late, from the sub-orders that have ended: for telling how long an order may take. */
import type { Db } from "./db.ts";

export type Throughput = {
  /** Sub-orders that it was measured by. */
  readonly subOrders: number;
  /** Of one sub-order while it runs. */
  readonly bytesPerSecond: number;
};

/** Undefined where nothing of a known size was fetched since. */
export async function recentThroughput(db: Db, o: { readonly since: Date }): Promise<Throughput | undefined> {
  const [row] = await db<{ subOrders: number; bytes: number; seconds: number }[]>`
    SELECT count(*) AS sub_orders, coalesce(sum(bytes_available), 0)::bigint AS bytes,
      coalesce(sum(extract(epoch FROM ended_at - started_at)), 0)::double precision AS seconds
    FROM sub_orders
    WHERE state IN ('Succeeded', 'Failed') AND NOT reference AND ended_at >= ${o.since} AND ended_at > started_at AND bytes_available > 0`;
  if (!row || row.subOrders === 0) return undefined;
  return { subOrders: row.subOrders, bytesPerSecond: row.bytes / row.seconds };
}
