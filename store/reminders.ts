/**
 * Reminds owners that files of their orders wait (rs-order.md §3.10): when those of one order lie there for too long, of all their orders that
 * wait, and then not again for as long. The dates and the messages are one statement, so nobody is reminded twice or never.
 */
import { type Db, jsonb } from "./db.ts";
import { notice } from "./orders/message-kinds.ts";

type Waiting = {
  readonly id: number;
  readonly owner: string;
  readonly correlationId: string;
  readonly expirationTime: Date | null;
  readonly remindedAt: Date | null;
  readonly since: Date;
};

/** Queues the reminders that are due; answers how many owners are reminded. */
export async function remindOwners(db: Db, o: { readonly delayHours: number; readonly now: Date }): Promise<number> {
  const before = new Date(o.now.getTime() - o.delayHours * 3_600_000);
  const byOwner = Map.groupBy(await waitingOrders(db), ({ owner }) => owner);
  const due = [...byOwner.values()].filter((orders) => orders.some(({ since }) => since < before));
  for (const orders of due) await remind(db, orders, o.now);
  return due.length;
}

/** Orders of which fetched files were not downloaded; references are not ours to give back. */
async function waitingOrders(db: Db): Promise<readonly Waiting[]> {
  return await db<Waiting[]>`
    SELECT o.id, o.owner, o.correlation_id, o.expiration_time, o.reminded_at, greatest(o.reminded_at, s.arrived) AS since
    FROM orders o
    CROSS JOIN LATERAL (
      SELECT max(coalesce(last_arrival_at, o.created_at)) AS arrived
      FROM sub_orders WHERE order_id = o.id AND NOT reference AND files_available > 0) s
    WHERE o.files_available > 0 AND o.status IN ('RUNNING', 'PAUSED', 'DONE', 'DONE_WITH_WARNING') AND s.arrived IS NOT NULL
    ORDER BY o.id`;
}

async function remind(db: Db, orders: readonly Waiting[], now: Date): Promise<void> {
  const ids = orders.map(({ id }) => id);
  const messages = orders.map(({ expirationTime, remindedAt, ...order }) => {
    const row = { ...order, ...(expirationTime && { expirationTime }) };
    const { dedupKey, kind, payload } = notice(row, "REMINDER", now.toISOString());
    return { id: order.id, remindedAt, dedupKey, kind, payload: { ...payload, orders: ids } };
  });
  await db`
    WITH due AS (
      SELECT (m->>'id')::bigint AS id, (m->>'remindedAt')::timestamptz AS reminded_at, m
      FROM jsonb_array_elements(${jsonb(db, messages)}) AS m
    ), reminded AS (
      UPDATE orders SET reminded_at = ${now} FROM due
      WHERE orders.id = due.id AND orders.reminded_at IS NOT DISTINCT FROM due.reminded_at
      RETURNING orders.id, due.m
    )
    INSERT INTO outbox (order_id, dedup_key, kind, payload, created_at)
    SELECT id, m->>'dedupKey', m->>'kind', m->'payload', ${now} FROM reminded ORDER BY id
    ON CONFLICT (order_id, dedup_key) DO NOTHING`;
}
