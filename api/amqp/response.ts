/** The contract's answer on the wire (rs-order.md §4.2, §4.5): one JSON object a message, to the exchange and to the queues that were named. */
import type { DueMessage } from "#store/outbox.ts";
import { APP_ID, EXCHANGE, HEADER, RESPONSE_TYPE } from "./names.ts";
import type { Envelope } from "./publisher.ts";

const PRIORITY = 1;
const PERSISTENT = 2;
/** AMQP keeps properties of text in a byte of length. */
const LONGEST_PROPERTY_BYTES = 255;

/** What is published for a message of the outbox: to the exchange first, then to each reply queue through the default exchange. */
export function responseEnvelopes(
  message: DueMessage,
  o: { readonly tenant: string; readonly now: Date },
): readonly Envelope[] {
  const content = Buffer.from(JSON.stringify(message.payload));
  const { correlationId } = message.payload;
  const fits = typeof correlationId === "string" && Buffer.byteLength(correlationId) <= LONGEST_PROPERTY_BYTES;
  const options = {
    headers: { [HEADER.tenant]: o.tenant, [HEADER.type]: RESPONSE_TYPE, [HEADER.converter]: "GSON" },
    appId: APP_ID,
    ...(fits && { correlationId }),
    messageId: messageId(message, o.tenant),
    priority: PRIORITY,
    timestamp: Math.floor(o.now.getTime() / 1000),
    contentType: "application/json",
    contentEncoding: "UTF-8",
    deliveryMode: PERSISTENT,
    mandatory: true,
  };
  return [
    { exchange: EXCHANGE.response, routingKey: "", content, options },
    ...message.replyQueues.map((queue) => ({ exchange: "", routingKey: queue, content, options })),
  ];
}

/** The same whenever and by whomever the message is sent: by it a client knows a repeat. */
function messageId(message: DueMessage, tenant: string): string {
  return `${tenant}:${message.orderId ?? "request"}:${message.dedupKey}`;
}
