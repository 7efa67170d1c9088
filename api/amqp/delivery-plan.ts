/** What becomes of claimed messages: in which order they are sent, and what it means when a queue is missing. Pure. */
import { isOfDelivery } from "#store/orders.ts";
import type { DueMessage, Postponement } from "#store/outbox.ts";
import type { Fate } from "./publisher.ts";

/** Messages of one order follow each other: the n-th of each order is in the n-th round, and rounds are sent one after another. */
export function rounds(messages: readonly DueMessage[]): readonly (readonly DueMessage[])[] {
  const result: DueMessage[][] = [];
  const sent = new Map<number, number>();
  for (const message of messages) {
    const round = message.orderId === undefined ? 0 : (sent.get(message.orderId) ?? 0);
    if (message.orderId !== undefined) sent.set(message.orderId, round + 1);
    const place = result[round];
    if (place) place.push(message);
    else result[round] = [message];
  }
  return result;
}

export type Verdict =
  | { readonly kind: "delivered"; readonly id: number; readonly note?: string }
  | { readonly kind: "postponed"; readonly postponement: Postponement };

const FIRST_SECONDS = 1;
const LONGEST_SECONDS = 300;
const NOBODY = "no queue is bound to the response exchange";
/** Answers to what is no order have no channel. */
const AWAITED: readonly DueMessage["channel"][] = ["amqp", undefined];

/**
 * What the fates of one message mean: that of the exchange first, then those of its reply queues. Whoever ordered over AMQP waits for an answer: while
 * nobody can get it, it is kept. An order that came otherwise is told to whoever listens, if anyone. A reply queue that is gone does not
 * hold back what the exchange has taken, nor is a copy kept for it: its client has left.
 */
export function judge(message: DueMessage, fates: readonly Fate[], random: () => number): Verdict {
  const isCopy = message.copyOf !== undefined;
  const gone = message.replyQueues.filter((_, i) => fates[isCopy ? i : i + 1] === "unroutable");
  const missing = [
    ...(isCopy || fates[0] === "routed" ? [] : [NOBODY]),
    ...gone.map((queue) => `reply queue '${queue}' is gone`),
  ];
  const note = missing.join("; ");
  const isTold = fates.includes("routed");
  const isAwaited = !isCopy && (isOfDelivery(message.kind) || AWAITED.includes(message.channel));
  if (isTold || !isAwaited) return { kind: "delivered", id: message.id, ...(note !== "" && { note }) };
  const seconds = Math.min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (message.attempts - 1)) * (0.5 + random() / 2);
  return { kind: "postponed", postponement: { id: message.id, attempts: message.attempts, seconds, error: note } };
}

/** Not the message's fault: to be sent as soon as it can be. */
export function unsent(messages: readonly DueMessage[], error: string): readonly Postponement[] {
  return messages.map(({ id, attempts }) => ({ id, attempts, seconds: 0, error }));
}
