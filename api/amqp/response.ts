/** The contract's answer on the wire (rs-order.md §4.2, §4.5): one JSON object a message, to the exchange and to the queues that were named. */

import { isOfDelivery } from "#store/orders.ts";
import type { DueMessage } from "#store/outbox.ts";
import { APP_ID, DELIVERY_RESPONSE_TYPE, EXCHANGE, HEADER, RESPONSE_TYPE } from "./names.ts";
import type { Envelope } from "./publisher.ts";

const PRIORITY = 1;
const PERSISTENT = 2;
/** AMQP keeps properties of text in a byte of length. */
const LONGEST_PROPERTY_BYTES = 255;

const OF_ORDER = { exchange: EXCHANGE.response, type: RESPONSE_TYPE };
const OF_DELIVERY = { exchange: EXCHANGE.deliveryResponse, type: DELIVERY_RESPONSE_TYPE };

/** What is published for a message of the outbox: to the exchange first, unless it is a copy, then to each reply queue through the default exchange. */
export function responseEnvelopes(
  message: DueMessage,
  o: { readonly tenant: string; readonly now: Date },
): readonly Envelope[] {
  const content = Buffer.from(JSON.stringify(message.payload));
  const { correlationId } = message.payload;
  const fits = typeof correlationId === "string" && Buffer.byteLength(correlationId) <= LONGEST_PROPERTY_BYTES;
  const { exchange, type } = isOfDelivery(message.kind) ? OF_DELIVERY : OF_ORDER;
  const { appId = APP_ID, priority = PRIORITY } = message.envelope ?? {};
  const options = {
    headers: { [HEADER.tenant]: o.tenant, [HEADER.type]: type, [HEADER.converter]: "GSON" },
    appId,
    ...(fits && { correlationId }),
    messageId: messageId(message, o.tenant),
    priority,
    timestamp: Math.floor(o.now.getTime() / 1000),
    contentType: "application/json",
    contentEncoding: "UTF-8",
    deliveryMode: PERSISTENT,
    mandatory: true,
  };
  const toQueues = message.replyQueues.map((queue) => ({ exchange: "", routingKey: queue, content, options }));
  if (message.copyOf !== undefined) return toQueues;
  return [{ exchange, routingKey: "", content, options }, ...toQueues];
}

/** The same whenever, by whomever and to whomever the message is sent: by it a client knows a repeat. */
function messageId({ orderId, dedupKey, copyOf }: DueMessage, tenant: string): string {
  return `${tenant}:${orderId ?? "request"}:${copyOf ?? dedupKey}`;
}
