/**
 * What must be told, and its delivery. Whoever has something to tell queues it in the transaction of what it tells of, or before the request that
 * it answers is acknowledged; senders claim it, send it and mark it. A claim runs out by itself, so a sender that dies or hangs loses nothing;
 * all times of claims are the database's, because senders' clocks differ. Delivered rows stay: their keys keep a message from being queued twice.
 */
import { type Db, jsonb, type Transaction, withoutNulls } from "./db.ts";
import type { OutboxMessage } from "./orders/message-kinds.ts";
import type { Channel } from "./orders/rows.ts";

export type QueuedMessage = OutboxMessage & {
  /** Absent: the answer to a request that became no order. Such a message is queued as often as it is asked for. */
  readonly orderId?: number;
  /** A further queue to tell. */
  readonly replyTo?: string;
  readonly envelope?: Envelope;
};

/** What the receiver chose of the message's properties. */
export type Envelope = { readonly appId?: string; readonly priority?: number };

export type DueMessage = OutboxMessage & {
  readonly id: number;
  readonly orderId?: number;
  /** How often it was claimed, this time included. */
  readonly attempts: number;
  /** Which way its order came in. */
  readonly channel?: Channel;
  /** Queues to tell beside the exchange; of a copy, the only one to tell. */
  readonly replyQueues: readonly string[];
  /** Key of the message that this one repeats for a queue that was named late. */
  readonly copyOf?: string;
  readonly envelope?: Envelope;
};

/** Queues messages in one statement; one whose key its order has already is left as it is. Wakes nobody. */
export async function queueMessages(db: Db, messages: readonly QueuedMessage[], o: { now: Date }): Promise<void> {
  const rows = messages.map((message) => ({ ...message, payload: message.payload, orderId: message.orderId ?? null }));
  await db`
    INSERT INTO outbox (order_id, dedup_key, kind, payload, reply_to, envelope, created_at)
    SELECT (m->>'orderId')::bigint, m->>'dedupKey', m->>'kind', m->'payload', m->>'replyTo', m->'envelope', ${o.now}
    FROM jsonb_array_elements(${jsonb(db, rows)}) WITH ORDINALITY AS t(m, n)
    ORDER BY n
    ON CONFLICT (order_id, dedup_key) DO NOTHING`;
}

/** The oldest messages due, in the order of telling, for this sender alone until the lease is over. */
export async function claimMessages(
  db: Db,
  o: { readonly limit: number; readonly leaseSeconds: number },
): Promise<readonly DueMessage[]> {
  const rows = await db<(Omit<DueMessage, "replyQueues"> & { replyTo: string | null; queues: string[] })[]>`
    SELECT c.id, c.order_id, c.dedup_key, c.kind, c.payload, c.attempts, c.reply_to, c.copy_of, c.envelope, o.channel,
      ARRAY(SELECT queue FROM reply_queues r
        WHERE c.copy_of IS NULL AND r.owner = o.owner AND r.correlation_id = o.correlation_id
          AND NOT EXISTS (SELECT FROM outbox k WHERE k.order_id = c.order_id AND k.dedup_key = copy_key(r.queue, c.dedup_key))
        ORDER BY queue) AS queues
    FROM claim_outbox(${o.limit}, make_interval(secs => ${o.leaseSeconds})) c
    LEFT JOIN orders o ON o.id = c.order_id
    ORDER BY c.id`;
  return rows.map(({ replyTo, queues, ...row }) => ({
    ...withoutNulls<Omit<DueMessage, "replyQueues">>(row),
    replyQueues: replyTo === null ? queues : [...queues, replyTo],
  }));
}

/** They were told; `note` says what was odd about it. */
export async function markDelivered(
  db: Db,
  messages: readonly { readonly id: number; readonly note?: string }[],
  o: { readonly now: Date },
): Promise<void> {
  await db`
    UPDATE outbox SET delivered_at = ${o.now}, next_attempt_at = NULL, last_error = t.note
    FROM jsonb_to_recordset(${jsonb(db, messages)}) AS t(id bigint, note text)
    WHERE outbox.id = t.id AND delivered_at IS NULL`;
}

export type Postponement = {
  readonly id: number;
  /** That of the claim: who has claimed it since is not disturbed. */
  readonly attempts: number;
  readonly seconds: number;
  readonly error: string;
};

/** They could not be told; to be tried again after `seconds`. */
export async function postponeMessages(db: Db, messages: readonly Postponement[]): Promise<void> {
  await db`
    UPDATE outbox SET next_attempt_at = clock_timestamp() + make_interval(secs => t.seconds), last_error = t.error
    FROM jsonb_to_recordset(${jsonb(db, messages)}) AS t(id bigint, attempts integer, seconds double precision, error text)
    WHERE outbox.id = t.id AND outbox.attempts = t.attempts AND delivered_at IS NULL`;
}

/** What waits to be told: how many messages, how many of them failed before, since when, and the newest reason. */
export type OutboxState = {
  readonly waiting: number;
  readonly failing: number;
  readonly oldest?: Date;
  readonly lastError?: string;
};

export async function outboxState(db: Db): Promise<OutboxState> {
  const [row] = await db<OutboxState[]>`
    SELECT count(*) AS waiting, count(*) FILTER (WHERE last_error IS NOT NULL) AS failing, min(created_at) AS oldest,
      (array_agg(last_error ORDER BY next_attempt_at DESC NULLS LAST) FILTER (WHERE last_error IS NOT NULL))[1] AS last_error
    FROM outbox WHERE delivered_at IS NULL`;
  return withoutNulls<OutboxState>(row ?? { waiting: 0, failing: 0 });
}

export type ReplyQueue = { readonly owner: string; readonly correlationId: string; readonly queue: string };

/**
 * From now on this queue is told of the order with this key too, and of what it has missed: everything that was told or is to be told so far is
 * queued for it as a copy. A queue that was named before gets nothing anew.
 */
export async function addReplyQueue(db: Db, reply: ReplyQueue, o: { readonly now: Date }): Promise<void> {
  await db.begin(async (sql) => {
    // Nothing is told of the order meanwhile: what comes before the copies is among them.
    await sql`
      SELECT FROM orders WHERE owner = ${reply.owner} AND correlation_id = ${reply.correlationId} FOR NO KEY UPDATE`;
    await copyFor(sql, reply, o);
  });
}

async function copyFor(sql: Transaction, reply: ReplyQueue, o: { readonly now: Date }): Promise<void> {
  await sql`
    WITH added AS (
      INSERT INTO reply_queues (owner, correlation_id, queue, created_at)
      VALUES (${reply.owner}, ${reply.correlationId}, ${reply.queue}, ${o.now})
      ON CONFLICT DO NOTHING
      RETURNING owner, correlation_id, queue)
    INSERT INTO outbox (order_id, dedup_key, kind, payload, reply_to, copy_of, routed, created_at)
    SELECT m.order_id, copy_key(added.queue, m.dedup_key), m.kind, m.payload, added.queue, m.dedup_key, true, ${o.now}
    FROM added
    JOIN orders USING (owner, correlation_id)
    JOIN outbox m ON m.order_id = orders.id AND m.copy_of IS NULL AND m.reply_to IS NULL
    ORDER BY m.id
    ON CONFLICT (order_id, dedup_key) DO NOTHING`;
}
