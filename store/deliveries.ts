/**
 * Deliveries that were promised: who asked, until when, and who works on one. A claim runs out by itself, so a process that dies or hangs
 * loses nothing; what a claim writes is guarded by its number, so a process that was given up for dead and wakes changes nothing any more.
 */
import { type Db, jsonb, withoutNulls } from "./db.ts";
import type { OutboxMessage } from "./orders/message-kinds.ts";
import type { Envelope } from "./outbox.ts";

export type NewDelivery = {
  readonly orderId: number;
  readonly owner: string;
  readonly correlationId: string;
  readonly target: string;
  readonly sizeLimit: number;
  readonly replyTo?: string;
  readonly envelope: Envelope;
  readonly expiresAt: Date;
};

/** A delivery that this process works on. */
export type ClaimedDelivery = NewDelivery & {
  /** How often it was claimed, this time included: the number of the claim. */
  readonly attempts: number;
  readonly lastError?: string;
};

/** Promises a delivery and queues the word about it, in one statement; one that is promised already stays as it is. */
export async function insertDelivery(
  db: Db,
  delivery: NewDelivery,
  o: { readonly granted: OutboxMessage; readonly now: Date },
): Promise<void> {
  const { granted, now } = o;
  await db`
    WITH made AS (
      INSERT INTO deliveries (order_id, owner, correlation_id, target, size_limit, reply_to, envelope, created_at, expires_at)
      VALUES (${delivery.orderId}, ${delivery.owner}, ${delivery.correlationId}, ${delivery.target}, ${delivery.sizeLimit},
        ${delivery.replyTo ?? null}, ${jsonb(db, delivery.envelope)}, ${now}, ${delivery.expiresAt})
      ON CONFLICT DO NOTHING
      RETURNING *)
    INSERT INTO outbox (order_id, dedup_key, kind, payload, reply_to, envelope, routed, created_at)
    SELECT order_id, ${granted.dedupKey}, ${granted.kind}, ${jsonb(db, granted.payload)}::jsonb, reply_to, envelope, true, ${now} FROM made
    ON CONFLICT (order_id, dedup_key) DO NOTHING`;
}

/** The delivery that this user asked for under this correlation id. */
export async function findDelivery(
  db: Db,
  key: { readonly owner: string; readonly correlationId: string },
): Promise<{ readonly orderId: number; readonly sizeLimit: number } | undefined> {
  const [row] = await db<{ orderId: number; sizeLimit: number }[]>`
    SELECT order_id, size_limit FROM deliveries WHERE owner = ${key.owner} AND correlation_id = ${key.correlationId}`;
  return row;
}

/** The oldest delivery whose order is over or whose own time is, for this process alone until the lease is over. */
export async function claimDelivery(
  db: Db,
  o: { readonly now: Date; readonly leaseSeconds: number },
): Promise<ClaimedDelivery | undefined> {
  const [row] = await db<object[]>`
    UPDATE deliveries d SET attempts = d.attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => ${o.leaseSeconds})
    FROM (
      SELECT d.order_id FROM deliveries d JOIN orders o ON o.id = d.order_id
      WHERE d.state = 'Waiting' AND (d.next_attempt_at IS NULL OR d.next_attempt_at <= clock_timestamp())
        AND (d.expires_at <= ${o.now} OR o.status NOT IN ('PENDING', 'RUNNING', 'PAUSED'))
      ORDER BY d.next_attempt_at NULLS FIRST, d.order_id
      LIMIT 1
      FOR UPDATE OF d SKIP LOCKED) due
    WHERE d.order_id = due.order_id
    RETURNING d.order_id, d.owner, d.correlation_id, d.target, d.size_limit, d.reply_to, d.envelope, d.expires_at, d.attempts, d.last_error`;
  return row && withoutNulls<ClaimedDelivery>(row);
}

type Claim = Pick<ClaimedDelivery, "orderId" | "attempts">;

/** False when the claim is another's by now: then nothing may be done in its name. */
export async function extendClaim(db: Db, claim: Claim, leaseSeconds: number): Promise<boolean> {
  const extended = await db`
    UPDATE deliveries SET next_attempt_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE order_id = ${claim.orderId} AND attempts = ${claim.attempts} AND state = 'Waiting'`;
  return extended.count > 0;
}

/** It could not be done now; to be tried again after `seconds`, by anybody. */
export async function postponeDelivery(
  db: Db,
  claim: Claim,
  o: { readonly seconds: number; readonly error?: string },
): Promise<void> {
  await db`
    UPDATE deliveries SET next_attempt_at = clock_timestamp() + make_interval(secs => ${o.seconds}),
      last_error = coalesce(${o.error ?? null}, last_error)
    WHERE order_id = ${claim.orderId} AND attempts = ${claim.attempts} AND state = 'Waiting'`;
}

/** The end, and the word about it, in one statement; false when the claim is another's by now. */
export async function endDelivery(
  db: Db,
  claim: Claim,
  o: {
    readonly state: "Done" | "Failed";
    readonly result: object;
    readonly message: OutboxMessage;
    readonly now: Date;
  },
): Promise<boolean> {
  const { state, result, message, now } = o;
  const ended = await db`
    WITH ended AS (
      UPDATE deliveries SET state = ${state}, result = ${jsonb(db, result)}, ended_at = ${now}, next_attempt_at = NULL
      WHERE order_id = ${claim.orderId} AND attempts = ${claim.attempts} AND state = 'Waiting'
      RETURNING *)
    INSERT INTO outbox (order_id, dedup_key, kind, payload, reply_to, envelope, routed, created_at)
    SELECT order_id, ${message.dedupKey}, ${message.kind}, ${jsonb(db, message.payload)}::jsonb, reply_to, envelope, true, ${now} FROM ended
    ON CONFLICT (order_id, dedup_key) DO NOTHING
    RETURNING id`;
  return ended.count > 0;
}
