/**
 * Notifications on their way: claimed for a time, then ended or put off. A claim runs out by itself; what follows in the same order to the same
 * target waits until the one before has ended. All times of claims are the database's, because senders' clocks differ.
 */
import { type Db, type Transaction, withoutNulls } from "../db.ts";

export type DueNotification = {
  readonly id: number;
  readonly messageId: number;
  readonly orderId?: number;
  /** Mail address of the receiver, or number of the webhook. */
  readonly target: string;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** When it was told to the outbox. */
  readonly toldAt: Date;
  readonly createdAt: Date;
  /** How often it was claimed, this time included. */
  readonly attempts: number;
};

export type DueDelivery = DueNotification & {
  readonly webhookId: number;
  readonly url: string;
  readonly secret: string;
  /** Signs too. */
  readonly previousSecret?: string;
  /** How often the webhook could not be reached since its last success. */
  readonly failures: number;
};

type Claim = { readonly limit: number; readonly leaseSeconds: number };

/** Columns of a notification `n` and its message `m`. */
function columns(db: Db) {
  return db`n.id, n.message_id, n.order_id, n.target, m.kind, m.payload, m.created_at AS told_at, n.created_at, n.attempts`;
}

function first(db: Db) {
  return db`NOT EXISTS (
    SELECT FROM notifications before
    WHERE before.state = 'waiting' AND before.target = n.target AND before.order_id = n.order_id AND before.way = n.way
      AND before.message_id < n.message_id)`;
}

/** Mails that are due. The one that confirms an order waits until it is known what was ordered, and until when. */
export async function claimMails(db: Db, { limit, leaseSeconds }: Claim): Promise<readonly DueNotification[]> {
  const rows = await db<DueNotification[]>`
    WITH due AS (
      SELECT n.id FROM notifications n
      JOIN outbox m ON m.id = n.message_id
      LEFT JOIN orders o ON o.id = n.order_id
      WHERE n.state = 'waiting' AND n.way = 'mail' AND n.due_at <= clock_timestamp() AND ${first(db)}
        AND (m.kind <> 'GRANTED' OR o.id IS NULL OR o.resolved_at IS NOT NULL AND o.expiration_time IS NOT NULL
          OR o.status NOT IN ('PENDING', 'RUNNING', 'PAUSED'))
      ORDER BY n.due_at
      LIMIT ${limit}
      FOR UPDATE OF n SKIP LOCKED
    ), claimed AS (
      UPDATE notifications n SET due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
      FROM due WHERE n.id = due.id
      RETURNING n.*
    )
    SELECT ${columns(db)} FROM claimed n JOIN outbox m ON m.id = n.message_id ORDER BY n.message_id`;
  return rows.map((row) => withoutNulls<DueNotification>(row));
}

/**
 * Deliveries to webhooks that are due: a few for each, so that a slow one takes no other's place; one only while it fails. Webhooks in `busy`
 * are passed over.
 */
export async function claimDeliveries(
  db: Db,
  { limit, leaseSeconds, each, busy }: Claim & { readonly each: number; readonly busy: readonly number[] },
): Promise<readonly DueDelivery[]> {
  const rows = await db<DueDelivery[]>`
    WITH due AS (
      SELECT n.id FROM webhooks w
      CROSS JOIN LATERAL (
        SELECT n.id FROM notifications n
        WHERE n.webhook_id = w.id AND n.state = 'waiting' AND n.due_at <= clock_timestamp() AND ${first(db)}
        ORDER BY n.message_id
        LIMIT CASE WHEN w.failures > 0 THEN 1 ELSE ${each}::integer END
        FOR UPDATE OF n SKIP LOCKED) n
      WHERE w.active AND (w.retry_at IS NULL OR w.retry_at <= clock_timestamp()) AND w.id <> ALL (${[...busy]}::bigint[])
      LIMIT ${limit}
    ), claimed AS (
      UPDATE notifications n SET due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}), attempts = attempts + 1
      FROM due WHERE n.id = due.id
      RETURNING n.*
    )
    SELECT ${columns(db)}, w.id AS webhook_id, w.url, w.secret, w.failures,
      CASE WHEN w.previous_until > clock_timestamp() THEN w.previous_secret END AS previous_secret
    FROM claimed n JOIN outbox m ON m.id = n.message_id JOIN webhooks w ON w.id = n.webhook_id
    ORDER BY n.message_id`;
  return rows.map((row) => withoutNulls<DueDelivery>(row));
}

export type Ending = {
  readonly state: "delivered" | "failed" | "skipped";
  /** What the receiver answered. */
  readonly answer?: number;
  /** Why it was not told. */
  readonly error?: string;
  readonly now: Date;
};

/** It is told, or is not going to be. */
export async function endNotification(db: Db | Transaction, id: number, ending: Ending): Promise<void> {
  await db`
    UPDATE notifications SET state = ${ending.state}, ended_at = ${ending.now}, answer = ${ending.answer ?? null},
      last_error = ${ending.error ?? null}
    WHERE id = ${id} AND state = 'waiting'`;
}

export type PutOff = { readonly seconds: number; readonly error: string; readonly answer?: number };

/** To be tried again after `seconds`. Who has claimed it since is not disturbed. */
export async function putOffNotification(
  db: Db | Transaction,
  { id, attempts }: Pick<DueNotification, "id" | "attempts">,
  { seconds, error, answer }: PutOff,
): Promise<void> {
  await db`
    UPDATE notifications SET due_at = clock_timestamp() + make_interval(secs => ${seconds}), last_error = ${error}, answer = ${answer ?? null}
    WHERE id = ${id} AND attempts = ${attempts} AND state = 'waiting'`;
}
