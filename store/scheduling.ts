/**
 * What the scheduler looks at and the one write that it makes. The view is a few index probes per owner, however many sub-orders wait;
 * it may be old when it is used, because the write is guarded: a sub-order is started once.
 */
import type { Role } from "#crds/files.ts";
import type { Db } from "./db.ts";

export type WaitingSubOrder = {
  readonly orderId: number;
  readonly number: number;
  readonly owner: string;
  readonly role: Role;
  readonly bytes: number;
  readonly files: number;
  /** When the order was asked for. */
  readonly createdAt: Date;
  /** Its user downloads nothing: it is brought to them as soon as all of it is there. */
  readonly delivered: boolean;
};

export type SchedulingView = {
  /** The next few of each owner: by owner, the smallest first. */
  readonly waiting: readonly WaitingSubOrder[];
  readonly runningByOwner: ReadonlyMap<string, number>;
  /** Fetched sub-orders with something that the owner has never downloaded. */
  readonly undownloadedByOwner: ReadonlyMap<string, number>;
  /** Bytes in the blob store. */
  readonly blobBytes: number;
};

/** The next `perOwner` sub-orders of each owner that may start now, of orders that are not `excluded`, and what is in use. */
export async function schedulingView(
  db: Db,
  now: Date,
  o: { readonly perOwner: number; readonly excluded?: readonly number[] },
): Promise<SchedulingView> {
  const [waiting, running, undownloaded, [space]] = await Promise.all([
    nextWaiting(db, now, o),
    db<{ owner: string; n: number }[]>`
      SELECT owner, count(*) AS n FROM sub_orders WHERE state = 'Running' GROUP BY owner`,
    db<{ owner: string; n: number }[]>`
      SELECT owner, count(*) AS n FROM sub_orders
      WHERE waiting_for_user AND NOT reference AND order_id NOT IN (SELECT order_id FROM deliveries WHERE state = 'Waiting')
      GROUP BY owner`,
    db<{ bytes: number }[]>`SELECT bytes FROM blob_space`,
  ]);
  return {
    waiting,
    runningByOwner: new Map(running.map(({ owner, n }) => [owner, n])),
    undownloadedByOwner: new Map(undownloaded.map(({ owner, n }) => [owner, n])),
    blobBytes: space?.bytes ?? 0,
  };
}

/** Owners are found by hopping through the index from one to the next, then each owner's smallest are read from the same index. */
async function nextWaiting(
  db: Db,
  now: Date,
  o: { readonly perOwner: number; readonly excluded?: readonly number[] },
): Promise<readonly WaitingSubOrder[]> {
  const rows = await db<WaitingSubOrder[]>`
    WITH RECURSIVE owners AS (
      (SELECT owner FROM sub_orders WHERE state = 'Waiting' ORDER BY owner LIMIT 1)
      UNION ALL
      SELECT (SELECT s.owner FROM sub_orders s WHERE s.state = 'Waiting' AND s.owner > owners.owner ORDER BY s.owner LIMIT 1)
      FROM owners WHERE owners.owner IS NOT NULL)
    SELECT next.order_id, next.number, owners.owner, orders.role, next.planned_bytes AS bytes, next.files_total AS files, orders.created_at,
      orders.channel = 'delivery' AS delivered
    FROM owners
    CROSS JOIN LATERAL (
      SELECT * FROM sub_orders s
      WHERE s.state = 'Waiting' AND s.owner = owners.owner AND (s.not_before IS NULL OR s.not_before <= ${now})
        AND NOT s.order_id = ANY(${[...(o.excluded ?? [])]}::bigint[])
      ORDER BY s.planned_bytes, s.order_id, s.number
      LIMIT ${o.perOwner}) next
    JOIN orders ON orders.id = next.order_id
    ORDER BY owners.owner, next.planned_bytes, next.order_id, next.number`;
  return [...rows];
}

export type SubOrderKey = { readonly orderId: number; readonly number: number };

/** Waiting → Running for those that still wait and may start now; returns them. */
export async function startSubOrders(
  db: Db,
  keys: readonly SubOrderKey[],
  o: { readonly now: Date },
): Promise<readonly SubOrderKey[]> {
  const started = await db<SubOrderKey[]>`
    WITH held AS MATERIALIZED (
      SELECT order_id, number FROM sub_orders
      WHERE (order_id, number) IN (
          SELECT * FROM unnest(${keys.map((k) => k.orderId)}::bigint[], ${keys.map((k) => k.number)}::integer[]))
        AND state = 'Waiting' AND (not_before IS NULL OR not_before <= ${o.now})
      ORDER BY order_id, number
      FOR NO KEY UPDATE
    ), started AS (
      UPDATE sub_orders s SET state = 'Running', started_at = ${o.now}, ended_at = NULL, not_before = NULL, message = NULL
      FROM held WHERE s.order_id = held.order_id AND s.number = held.number AND s.state = 'Waiting'
      RETURNING s.order_id, s.number
    ), told AS (
      SELECT pg_notify(current_schema() || '.order_changes', order_id::text) FROM (SELECT DISTINCT order_id FROM started) t
    )
    SELECT order_id, number FROM started WHERE (SELECT count(*) FROM told) > 0 ORDER BY order_id, number`;
  return [...started];
}
