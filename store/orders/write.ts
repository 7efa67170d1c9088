/**
 * Writing an order's row after its birth: its resource, its read model with what must be told, and the end of its files.
 * The read model and the messages that tell of it are one statement, so nothing is told that is not stored, and the reverse.
 */
import { changeNotice } from "../changes.ts";
import { type Db, jsonb } from "../db.ts";
import type { OutboxMessage } from "./message-kinds.ts";
import type { ReadModel } from "./rows.ts";

/** Binds the order to its resource; false where it is bound to another, or there is no such order. */
export async function bindResource(
  db: Db,
  id: number,
  { uid, namespaceUid }: { readonly uid: string; readonly namespaceUid: string },
): Promise<boolean> {
  await db`
    UPDATE orders SET resource_uid = ${uid}, namespace_uid = ${namespaceUid} WHERE id = ${id} AND resource_uid IS NULL`;
  const bound = await db`SELECT FROM orders WHERE id = ${id} AND resource_uid = ${uid}`;
  return bound.count > 0;
}

export type Progress = {
  readonly model: ReadModel;
  /** What must be told from now on, in this order; what was told before stays as it was. */
  readonly messages: readonly OutboxMessage[];
  /** Sub-orders of `observeOrder().untold` whose end these messages tell, or that need no word. */
  readonly told?: readonly { readonly number: number; readonly attempt: number }[];
  readonly now: Date;
};

/**
 * Stores the read model and the messages; writes only what differs. Says whether anything was written. Messages get their ids under the
 * lock of the order's row, so that of two writers' the later ones have the higher ids. Once an order is expired or deleted, who is late with
 * another word (it looked before, or does not lead any more) changes nothing and tells nothing.
 */
export async function recordProgress(db: Db, id: number, progress: Progress): Promise<boolean> {
  const { model, now, messages, told = [] } = progress;
  const values = db`(${model.status}, ${model.percentCompleted}::smallint,
    ${model.files.total}::bigint, ${model.files.pending}::bigint, ${model.files.available}::bigint, ${model.files.downloaded}::bigint,
    ${model.files.failed}::bigint, ${model.bytes.total}::bigint, ${model.bytes.available}::bigint, ${model.bytes.failed}::bigint,
    ${model.subOrders.total}::integer, ${model.subOrders.waiting}::integer, ${model.subOrders.running}::integer,
    ${model.subOrders.succeeded}::integer, ${model.subOrders.failed}::integer, ${model.waitingForUser}::boolean, ${model.suspended}::boolean,
    ${model.expirationTime ?? null}::timestamptz, ${model.expirationAsked ?? null}::timestamptz,
    ${model.expirationAskedAt ?? null}::timestamptz, ${model.completionTime ?? null}::timestamptz, ${model.message ?? null}::text)`;
  const columns = db`(status, percent_completed, files_total, files_pending, files_available, files_downloaded, files_failed, bytes_total,
    bytes_available, bytes_failed, sub_orders_total, sub_orders_waiting, sub_orders_running, sub_orders_succeeded, sub_orders_failed,
    waiting_for_user, suspended, expiration_time, expiration_asked, expiration_asked_at, completion_time, message)`;
  const isLate = db`(status IN ('EXPIRED', 'DELETED') AND ${model.status} NOT IN (status, 'DELETED'))`;
  const written = await db`
    WITH untold AS (
      SELECT m, n FROM jsonb_array_elements(${jsonb(db, messages)}) WITH ORDINALITY AS t(m, n)
      WHERE NOT EXISTS (SELECT FROM outbox WHERE order_id = ${id} AND dedup_key = m->>'dedupKey')
    ), held AS MATERIALIZED (
      SELECT id FROM orders WHERE id = ${id} AND EXISTS (SELECT FROM untold) AND NOT ${isLate} FOR NO KEY UPDATE
    ), changed AS (
      UPDATE orders SET ${columns} = ${values},
        status_time = CASE WHEN status = ${model.status} THEN status_time ELSE ${now}::timestamptz END
      -- The lock comes first: a row that this very statement has changed cannot be locked by it any more.
      WHERE id = ${id} AND (SELECT count(*) FROM held) >= 0 AND ${columns} IS DISTINCT FROM ${values} AND NOT ${isLate}
      RETURNING id
    ), queued AS (
      INSERT INTO outbox (order_id, dedup_key, kind, payload, created_at)
      SELECT held.id, m->>'dedupKey', m->>'kind', m->'payload', ${now}
      FROM held CROSS JOIN untold
      ORDER BY n
      ON CONFLICT (order_id, dedup_key) DO NOTHING
      RETURNING order_id
    ), told AS (
      UPDATE sub_orders s SET told_attempt = t.attempt
      FROM (
        SELECT number, t.attempt
        FROM unnest(${told.map((t) => t.number)}::integer[], ${told.map((t) => t.attempt)}::integer[]) AS t(number, attempt)
        JOIN sub_orders USING (number)
        WHERE order_id = ${id}
        ORDER BY number
        FOR NO KEY UPDATE OF sub_orders) t
      WHERE s.order_id = ${id} AND s.number = t.number AND s.told_attempt < t.attempt
      RETURNING s.order_id
    ), written AS (
      SELECT id FROM changed UNION SELECT order_id FROM queued UNION SELECT order_id FROM told
    )
    SELECT FROM written, ${changeNotice(db, db`written.id`)}`;
  return written.count > 0;
}

const FILES_AT_ONCE = 20_000;

/**
 * Gives back an order's files: removes the rows of its sub-orders, archives and files, and marks it. The sub-orders go first, so that
 * nothing is shown or reported any more while the files go in batches; that all have gone is written last, and asked for by who takes up what
 * another left. Blobs that no order refers to any more are the collector's.
 */
export async function purgeFiles(db: Db, id: number): Promise<void> {
  await db`
    WITH gone AS (DELETE FROM sub_orders WHERE order_id = ${id}),
      archived AS (DELETE FROM archives WHERE order_id = ${id}),
      counted AS (DELETE FROM counted_files WHERE order_id = ${id})
    UPDATE orders SET purged = true WHERE id = ${id} AND NOT purged`;
  for (const table of ["order_files", "process_inputs"]) {
    for (let left = true; left; ) {
      const removed = await db`
        DELETE FROM ${db(table)}
        WHERE id IN (SELECT id FROM ${db(table)} WHERE order_id = ${id} LIMIT ${FILES_AT_ONCE})`;
      left = removed.count > 0;
    }
  }
  await db`UPDATE orders SET emptied = true WHERE id = ${id} AND NOT emptied`;
}
