/** Sums over all orders of the tenant, for those who watch over it. One pass over the orders' own counters; files are not looked at. */
import type { Db } from "./db.ts";

export type Totals = {
  readonly statuses: readonly { readonly status: string; readonly orders: number }[];
  /** Of orders that still have files here. */
  readonly files: Readonly<Record<"pending" | "available" | "failed", number>>;
  readonly bytes: Readonly<Record<"total" | "available" | "failed", number>>;
  /** Those that wait while their order is paused are `paused`, not `waiting`. */
  readonly subOrders: Readonly<Record<"waiting" | "running" | "paused", number>>;
  /** Bytes in the blob store. */
  readonly blobBytes: number;
};

export async function countLiveOrders(db: Db): Promise<Totals> {
  const statuses = await db<{ status: string; orders: number }[]>`
    SELECT status, count(*) AS orders FROM orders GROUP BY status`;
  const [sums] = await db<Record<string, string | null>[]>`
    SELECT sum(files_pending) AS files_pending, sum(files_available + files_downloaded) AS files_available,
      sum(files_failed) AS files_failed, sum(bytes_total) AS bytes_total, sum(bytes_available) AS bytes_available,
      sum(bytes_failed) AS bytes_failed, sum(sub_orders_waiting) FILTER (WHERE NOT suspended) AS sub_orders_waiting,
      sum(sub_orders_waiting) FILTER (WHERE suspended) AS sub_orders_paused, sum(sub_orders_running) AS sub_orders_running, (SELECT bytes FROM blob_space) AS blob_bytes
    FROM orders WHERE NOT purged`;
  const sum = (name: string) => Number(sums?.[name] ?? 0);
  return {
    statuses: statuses.map((row) => ({ ...row })),
    files: { pending: sum("filesPending"), available: sum("filesAvailable"), failed: sum("filesFailed") },
    bytes: { total: sum("bytesTotal"), available: sum("bytesAvailable"), failed: sum("bytesFailed") },
    subOrders: {
      waiting: sum("subOrdersWaiting"),
      running: sum("subOrdersRunning"),
      paused: sum("subOrdersPaused"),
    },
    blobBytes: sum("blobBytes"),
  };
}
