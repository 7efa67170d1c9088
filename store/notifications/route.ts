/**
 * Settles whom to tell of a message beside AMQP: one notification for each way and target, in the statement that marks the message as
 * routed; whoever was made inactive is told nothing. So each message is routed once, whenever the process dies and in whatever order messages become visible.
 */
import type { Db } from "../db.ts";
import type { Channel } from "../orders/rows.ts";
import type { Settings } from "../settings.ts";
import { MESSAGE_OF_MAIL } from "./kinds.ts";

export type Routing = {
  /** Whether mails can be sent at all. */
  readonly mail: boolean;
  readonly settings: Pick<Settings, "mail_kinds" | "mail_channels">;
  readonly now: Date;
};

/** Whether a message waits to be routed. */
export async function hasUnrouted(db: Db): Promise<boolean> {
  const [row] = await db<{ waiting: boolean }[]>`SELECT EXISTS (SELECT FROM outbox WHERE NOT routed) AS waiting`;
  return row?.waiting ?? false;
}

/** Routes the oldest messages; answers how many. Rivals wait for each other: the messages of an order are routed in their order. */
export async function routeMessages(db: Db, { mail, settings, now }: Routing): Promise<number> {
  const mailed = mail ? settings.mail_kinds.map((kind) => MESSAGE_OF_MAIL[kind]) : [];
  const channels: readonly Channel[] = settings.mail_channels;
  return await db.begin(async (sql) => {
    // A statement of its own: the next one then sees what the rival has routed.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.route_messages', 0))`;
    // The limit is not a parameter: a plan for any limit would read whole tables.
    const routed = await sql`
      WITH unrouted AS (
        SELECT m.id, m.order_id, m.kind, m.payload, o.owner, o.channel, m.copy_of IS NOT NULL AS copied,
          u.active IS FALSE AS inactive
        FROM (SELECT * FROM outbox WHERE NOT routed ORDER BY id LIMIT 100) m
        LEFT JOIN LATERAL (SELECT owner, channel FROM orders WHERE id = m.order_id LIMIT 1) o ON true
        LEFT JOIN LATERAL (SELECT active FROM users WHERE email = o.owner LIMIT 1) u ON true
      ), hooked AS (
        INSERT INTO notifications (message_id, way, target, webhook_id, order_id, created_at, due_at)
        SELECT u.id, 'webhook', w.id::text, w.id, u.order_id, ${now}, clock_timestamp()
        FROM unrouted u
        JOIN webhooks w ON w.active AND u.kind = ANY (w.kinds) AND (w.owner IS NULL OR w.owner = u.owner AND NOT u.inactive)
        WHERE u.owner IS NOT NULL AND NOT u.copied
        ON CONFLICT DO NOTHING
      ), mailed AS (
        INSERT INTO notifications (message_id, way, target, order_id, created_at, due_at)
        SELECT id, 'mail', owner, order_id, ${now}, clock_timestamp()
        FROM unrouted
        WHERE kind = ANY (${mailed}::text[]) AND channel = ANY (${[...channels]}::text[]) AND NOT copied AND NOT inactive
          -- One mail reminds of all orders of the owner that wait: the first of them carries it.
          AND (payload->'orders' IS NULL OR (payload->'orders'->>0)::bigint = order_id)
        ON CONFLICT DO NOTHING
      )
      UPDATE outbox SET routed = true FROM unrouted WHERE outbox.id = unrouted.id`;
    return routed.count;
  });
}
