/**
 * The kinds of messages in the outbox. Answers are the contract's (rs-order.md §4.5) and leave over AMQP; notices tell what else happens to an
 * order, for live events, mail and webhooks. Here and not with the planner, because whoever ends an order that has no resource tells it too.
 */
import type { OrderRow } from "./rows.ts";

export const ANSWER_KINDS = ["GRANTED", "DENIED", "SUBORDER_DONE", "DONE", "FAILED"] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

/** `EXPIRES_SOON` is told once for each expiration date, `PAUSED`, `RESUMED`, `RETRIED` and `REMINDER` each time, the others once. */
export const NOTICE_KINDS = [
  "PAUSED",
  "RESUMED",
  "RETRIED",
  "CANCELLED",
  "REMINDER",
  "EXPIRES_SOON",
  "EXPIRED",
  "DELETED",
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** What orders tell. */
export const MESSAGE_KINDS = [...ANSWER_KINDS, ...NOTICE_KINDS] as const;
export type MessageKind = AnswerKind | NoticeKind;

/** Answers to delivery requests (rs-order.md §4.10), on an exchange of their own: for their requesters alone. */
export const DELIVERY_KINDS = ["DELIVERY_GRANTED", "DELIVERY_DENIED", "DELIVERY_DONE", "DELIVERY_ERROR"] as const;
export type DeliveryKind = (typeof DELIVERY_KINDS)[number];

export type OutboxMessage = {
  /** Told once per order and key, e.g. `granted`, `suborder:3:1`, `final:1`, `paused:4`. */
  readonly dedupKey: string;
  readonly kind: MessageKind | DeliveryKind;
  readonly payload: Readonly<Record<string, unknown>>;
};

export function isNotice(kind: OutboxMessage["kind"]): kind is NoticeKind {
  return (NOTICE_KINDS as readonly string[]).includes(kind);
}

export function isOfDelivery(kind: OutboxMessage["kind"]): kind is DeliveryKind {
  return (DELIVERY_KINDS as readonly string[]).includes(kind);
}

const SENTENCES: Readonly<Record<NoticeKind, string>> = {
  PAUSED: "is paused",
  RESUMED: "goes on",
  RETRIED: "is retried: its failed files are fetched again",
  CANCELLED: "was cancelled",
  REMINDER: "waits to be downloaded",
  EXPIRES_SOON: "expires soon: its files are given back then",
  EXPIRED: "has expired: its files were given back",
  DELETED: "was deleted: its files were given back",
};

/** A notice of this order; `turn` tells apart what may happen more than once. */
export function notice(
  row: Pick<OrderRow, "id" | "owner" | "correlationId" | "expirationTime">,
  kind: NoticeKind,
  turn?: number | string,
): OutboxMessage {
  const key = kind.toLowerCase().replace("_", "-");
  return {
    dedupKey: turn === undefined ? key : `${key}:${turn}`,
    kind,
    payload: {
      correlationId: row.correlationId,
      status: kind,
      orderId: row.id,
      message: `Order of user ${row.owner} ${SENTENCES[kind]}`,
      ...(row.expirationTime && { expirationDate: row.expirationTime.toISOString() }),
    },
  };
}
