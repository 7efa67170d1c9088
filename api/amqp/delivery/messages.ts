/** What a requester of a delivery is told (rs-order.md §4.10), with the order's number and a SHA-256 beyond the contract. Pure. */
import type { OutboxMessage } from "#store/orders.ts";
import type { Refusal } from "../../orders/outcome.ts";

export type DeliveryError = Refusal["errorType"] | "EXPIRED";

type Named = { readonly correlationId: string; readonly orderId: number };

export function deliveryGranted({ correlationId, orderId }: Named): OutboxMessage {
  return {
    dedupKey: "delivery:granted",
    kind: "DELIVERY_GRANTED",
    payload: { correlationId, status: "GRANTED", orderId },
  };
}

export type Delivered = { readonly url: string; readonly md5: string; readonly sha256: string; readonly size: number };

export function deliveryDone({ correlationId, orderId }: Named, delivered: Delivered): OutboxMessage {
  return {
    dedupKey: "delivery:end",
    kind: "DELIVERY_DONE",
    payload: { correlationId, status: "DONE", orderId, ...delivered },
  };
}

export type Failure = { readonly errorType: DeliveryError; readonly message: string };

export function deliveryFailed({ correlationId, orderId }: Named, failure: Failure): OutboxMessage {
  return {
    dedupKey: "delivery:end",
    kind: "DELIVERY_ERROR",
    payload: { correlationId, status: "ERROR", orderId, ...errorFields(failure) },
  };
}

/** A request that became no order. What is wrong with the request is DENIED; what the order service refused is an ERROR, as upstream tells it. */
export function deliveryRefused(correlationId: string, refusal: Refusal): Pick<OutboxMessage, "kind" | "payload"> {
  const denied = refusal.errorType === "INVALID_CONTENT" || refusal.errorType === "FORBIDDEN";
  return {
    kind: denied ? "DELIVERY_DENIED" : "DELIVERY_ERROR",
    payload: { correlationId, status: denied ? "DENIED" : "ERROR", ...errorFields(refusal) },
  };
}

/** Under both names, as in the answers to orders. */
function errorFields({ errorType, message }: Failure) {
  return { errorType, errorCode: errorType, message };
}
