/**
 * What there is to say to somebody who follows an order: the messages told of it after the one seen last, and how it stands with all of them.
 * Messages of one order are queued under the lock of its row, so their ids grow in the order in which they become visible: a follower who goes on
 * after the last id that it saw misses none.
 */
import { type Db, withoutNulls } from "../db.ts";
import { MESSAGE_KINDS, type OutboxMessage } from "./message-kinds.ts";
import { type OrderRow, orderColumns, type StoredOrder, toOrderRow } from "./rows.ts";

export type OrderEvent = Pick<OutboxMessage, "kind" | "payload"> & { readonly id: number; readonly createdAt: Date };

export type OrderNews = {
  readonly row: OrderRow;
  /** By id, at most `limit`. */
  readonly events: readonly OrderEvent[];
  /** There may be more events than these. */
  readonly more: boolean;
  /** The end of its present run is among what was told so far. */
  readonly ended: boolean;
};

/** Undefined where there is no such order (any more). */
export function orderNews(
  db: Db,
  id: number,
  o: { readonly after: number; readonly limit: number },
): Promise<OrderNews | undefined> {
  return db.begin("isolation level repeatable read read only", async (sql) => {
    const [stored] = await sql<(StoredOrder & { ended: boolean })[]>`
      SELECT ${orderColumns(sql)},
        EXISTS (SELECT FROM outbox m WHERE m.order_id = o.id AND m.dedup_key = 'final:' || o.retries_served) AS ended
      FROM orders o WHERE id = ${id}`;
    if (stored === undefined) return undefined;
    const { ended, ...rest } = stored;
    const events = await sql<OrderEvent[]>`
      SELECT id, kind, payload, created_at FROM outbox WHERE order_id = ${id} AND id > ${o.after}
        AND kind = ANY(${[...MESSAGE_KINDS]}::text[]) AND copy_of IS NULL
      ORDER BY id
      LIMIT ${o.limit}`;
    return {
      row: toOrderRow(rest),
      events: events.map((event) => withoutNulls<OrderEvent>(event)),
      more: events.length === o.limit,
      ended,
    };
  });
}
