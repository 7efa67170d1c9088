/**
 * Webhooks: addresses that are told of orders. Their secrets leave this file to the sender alone, and once to whoever made or changed them.
 */
import { type Db, jsonb, withoutNulls } from "./db.ts";
import { PING } from "./notifications/kinds.ts";
import type { MessageKind } from "./orders/message-kinds.ts";

export type WebhookRow = {
  readonly id: number;
  /** Absent: of the tenant, told of everybody's orders. */
  readonly owner?: string;
  readonly url: string;
  readonly kinds: readonly MessageKind[];
  readonly description?: string;
  readonly createdAt: Date;
  readonly active: boolean;
  readonly disabledReason?: string;
  readonly failingSince?: Date;
  readonly failures: number;
  /** Until then it is left alone. */
  readonly retryAt?: Date;
};

export type WebhookWords = Pick<WebhookRow, "url" | "kinds" | "description">;

function columns(db: Db) {
  return db`id, owner, url, kinds, description, created_at, active, disabled_reason, failing_since, failures, retry_at`;
}

const toRow = (row: WebhookRow) => withoutNulls<WebhookRow>(row);

/** Makes it, unless the owner has `most` already. */
export async function insertWebhook(
  db: Db,
  webhook: WebhookWords & { readonly owner?: string; readonly secret: string },
  o: { readonly most: number; readonly now: Date },
): Promise<WebhookRow | undefined> {
  const owner = webhook.owner ?? null;
  return await db.begin(async (sql) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.webhooks.' || coalesce(${owner}, ''), 0))`;
    const [row] = await sql<WebhookRow[]>`
      INSERT INTO webhooks (owner, url, kinds, description, secret, created_at)
      SELECT ${owner}, ${webhook.url}, ${[...webhook.kinds]}::text[], ${webhook.description ?? null}, ${webhook.secret}, ${o.now}
      WHERE (SELECT count(*) FROM webhooks WHERE owner IS NOT DISTINCT FROM ${owner}) < ${o.most}
      RETURNING ${columns(sql as unknown as Db)}`;
    return row && toRow(row);
  });
}

export async function findWebhook(db: Db, id: number): Promise<WebhookRow | undefined> {
  const [row] = await db<WebhookRow[]>`SELECT ${columns(db)} FROM webhooks WHERE id = ${id}`;
  return row && toRow(row);
}

/** Those of the owner; without owner all of them. */
export async function listWebhooks(db: Db, o: { readonly owner?: string }): Promise<readonly WebhookRow[]> {
  const where = o.owner === undefined ? db`true` : db`owner = ${o.owner}`;
  const rows = await db<WebhookRow[]>`SELECT ${columns(db)} FROM webhooks WHERE ${where} ORDER BY id`;
  return rows.map(toRow);
}

/** Changes what is said of it; what went wrong before is forgotten. */
export async function updateWebhook(
  db: Db,
  id: number,
  words: WebhookWords & { readonly active: boolean },
): Promise<WebhookRow | undefined> {
  const [row] = await db<WebhookRow[]>`
    UPDATE webhooks SET url = ${words.url}, kinds = ${[...words.kinds]}::text[], description = ${words.description ?? null},
      active = ${words.active}, disabled_reason = NULL, failing_since = NULL, failures = 0, retry_at = NULL
    WHERE id = ${id}
    RETURNING ${columns(db)}`;
  return row && toRow(row);
}

export async function removeWebhook(db: Db, id: number): Promise<boolean> {
  const removed = await db`DELETE FROM webhooks WHERE id = ${id}`;
  return removed.count > 0;
}

/** For `previousSeconds` the secret it had signs beside the new one. */
export async function changeSecret(
  db: Db,
  id: number,
  o: { readonly secret: string; readonly previousSeconds: number },
): Promise<boolean> {
  const changed = await db`
    UPDATE webhooks SET previous_secret = secret, previous_until = clock_timestamp() + make_interval(secs => ${o.previousSeconds}),
      secret = ${o.secret}
    WHERE id = ${id}`;
  return changed.count > 0;
}

/** It answered well. */
export async function webhookSucceeded(db: Db, id: number): Promise<void> {
  await db`
    UPDATE webhooks SET failing_since = NULL, failures = 0, retry_at = NULL
    WHERE id = ${id} AND (failing_since IS NOT NULL OR failures > 0)`;
}

export type WebhookFailure = {
  /** How long to leave it alone, where it could not be reached at all. */
  readonly restSeconds?: number;
  /** Switched off with this reason when it has failed for so long, or at once. */
  readonly disable: { readonly afterSeconds: number; readonly reason: string };
  readonly now: Date;
};

/** It failed; answers whether that switched it off. */
export async function webhookFailed(db: Db, id: number, failure: WebhookFailure): Promise<boolean> {
  const { restSeconds, disable, now } = failure;
  const rest = restSeconds ?? null;
  const isOver = db`${now}::timestamptz - coalesce(failing_since, ${now}) >= make_interval(secs => ${disable.afterSeconds})`;
  const [row] = await db<{ active: boolean }[]>`
    UPDATE webhooks SET failing_since = coalesce(failing_since, ${now}),
      failures = failures + CASE WHEN ${rest}::float8 IS NULL THEN 0 ELSE 1 END,
      retry_at = coalesce(clock_timestamp() + make_interval(secs => ${rest}), retry_at),
      active = NOT (${isOver}), disabled_reason = CASE WHEN ${isOver} THEN ${disable.reason} END
    WHERE id = ${id} AND active
    RETURNING active`;
  return row?.active === false;
}

/** Queues a message for this webhook alone, to see whether it works. */
export async function pingWebhook(db: Db, id: number, o: { readonly now: Date }): Promise<number> {
  const payload = { status: PING, message: "A test of this webhook", webhookId: id };
  const [row] = await db<{ id: number }[]>`
    WITH message AS (
      INSERT INTO outbox (dedup_key, kind, payload, created_at, delivered_at, routed)
      VALUES ('ping', ${PING}, ${jsonb(db, payload)}, ${o.now}, ${o.now}, true)
      RETURNING id
    )
    INSERT INTO notifications (message_id, way, target, webhook_id, created_at, due_at)
    SELECT id, 'webhook', ${id}::bigint::text, ${id}, ${o.now}, clock_timestamp() FROM message
    RETURNING message_id AS id`;
  return row?.id ?? 0;
}

export type Replay = {
  /** Messages after this one. */
  readonly since?: number;
  readonly orderId?: number;
  readonly most: number;
  readonly now: Date;
};

/** Queues messages that the webhook may see for it once more, the oldest first, and answers how many; told ones are told again. */
export async function replayToWebhook(db: Db, webhook: WebhookRow, replay: Replay): Promise<number> {
  const owner = webhook.owner ?? null;
  const queued = await db`
    INSERT INTO notifications (message_id, way, target, webhook_id, order_id, created_at, due_at)
    SELECT m.id, 'webhook', ${webhook.id}::bigint::text, ${webhook.id}, m.order_id, ${replay.now}, clock_timestamp()
    FROM outbox m JOIN orders o ON o.id = m.order_id
    WHERE m.routed AND m.copy_of IS NULL AND m.id > ${replay.since ?? 0} AND m.kind = ANY (${[...webhook.kinds]}::text[])
      AND (${owner}::text IS NULL OR o.owner = ${owner})
      AND (${replay.orderId ?? null}::bigint IS NULL OR m.order_id = ${replay.orderId ?? null})
    ORDER BY m.id
    LIMIT ${replay.most}
    ON CONFLICT (message_id, way, target) DO UPDATE
      SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), created_at = excluded.created_at, ended_at = NULL, answer = NULL,
        last_error = NULL
      WHERE notifications.state <> 'waiting'`;
  return queued.count;
}
