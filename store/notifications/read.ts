/** What became of notifications, for their owners and for administrators; and what an administrator does about it. */
import { type Db, withoutNulls } from "../db.ts";

export type NotificationState = "waiting" | "delivered" | "failed" | "skipped";
export const NOTIFICATION_STATES = ["waiting", "delivered", "failed", "skipped"] as const;

export type NotificationRow = {
  readonly id: number;
  readonly messageId: number;
  readonly orderId?: number;
  readonly target: string;
  readonly kind: string;
  readonly state: NotificationState;
  readonly attempts: number;
  readonly toldAt: Date;
  readonly createdAt: Date;
  /** When it is tried, where it waits. */
  readonly dueAt: Date;
  readonly endedAt?: Date;
  readonly answer?: number;
  readonly lastError?: string;
};

export type NotificationFilter = {
  readonly of: "mail" | { readonly webhook: number };
  readonly state?: NotificationState;
};

type Page = { readonly page: number; readonly size: number };

/** Newest first. */
export async function listNotifications(
  db: Db,
  filter: NotificationFilter,
  { page, size }: Page,
): Promise<{ readonly rows: readonly NotificationRow[]; readonly total: number }> {
  const of = filter.of === "mail" ? db`n.way = 'mail'` : db`n.webhook_id = ${filter.of.webhook}`;
  const where = filter.state === undefined ? of : db`${of} AND n.state = ${filter.state}`;
  const [rows, [count]] = await Promise.all([
    db<NotificationRow[]>`
      SELECT n.id, n.message_id, n.order_id, n.target, m.kind, n.state, n.attempts, m.created_at AS told_at, n.created_at, n.due_at, n.ended_at,
        n.answer, n.last_error
      FROM notifications n JOIN outbox m ON m.id = n.message_id
      WHERE ${where}
      ORDER BY n.message_id DESC, n.id DESC
      LIMIT ${size} OFFSET ${page * size}`,
    db<{ total: number }[]>`SELECT count(*) AS total FROM notifications n WHERE ${where}`,
  ]);
  return { rows: rows.map((row) => withoutNulls<NotificationRow>(row)), total: count?.total ?? 0 };
}

/** Has mails that were given up tried once more, those of one order or all; answers how many. */
export async function retryMails(db: Db, o: { readonly orderId?: number; readonly now: Date }): Promise<number> {
  const retried = await db`
    UPDATE notifications SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), created_at = ${o.now}, ended_at = NULL
    WHERE way = 'mail' AND state = 'failed' AND (${o.orderId ?? null}::bigint IS NULL OR order_id = ${o.orderId ?? null})`;
  return retried.count;
}

const REMOVED_AT_ONCE = 10_000;

/** Forgets what ended before that time; the outbox still has the message, so it can be told again. */
export async function forgetNotifications(db: Db, o: { readonly endedBefore: Date }): Promise<number> {
  const removed = await db`
    DELETE FROM notifications
    WHERE id IN (
      SELECT id FROM notifications WHERE state <> 'waiting' AND ended_at < ${o.endedBefore} ORDER BY ended_at LIMIT ${REMOVED_AT_ONCE})`;
  return removed.count;
}
