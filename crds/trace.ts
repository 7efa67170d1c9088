/**
 * Where an order stands in the world of traces. Its trace id and the ids of its spans follow from the tenant and numbers alone, so every process finds
 * them without being told: a crash loses no context, no column or annotation carries one, and a span that is told twice is the same span.
 */
import { createHash } from "node:crypto";

export type OrderTrace = { readonly traceId: string; readonly spanId: string };

/** The trace of an order, and its first span: the order itself. */
export function orderTrace(tenant: string, orderId: number): OrderTrace {
  return { traceId: digest(`${tenant}/${orderId}`, 32), spanId: digest(`${tenant}/${orderId}/order`, 16) };
}

/** The span of one attempt of a sub-order. */
export function attemptSpan(tenant: string, o: { orderId: number; number: number; attempt: number }): string {
  return digest(`${tenant}/${o.orderId}/${o.number}/${o.attempt}`, 16);
}

/** As W3C Trace Context writes it; the Job's program gets it as TRACEPARENT. */
export function traceparent({ traceId, spanId }: OrderTrace): string {
  return `00-${traceId}-${spanId}-01`;
}

/** What `traceparent` wrote; undefined for anything else. */
export function parseTraceparent(text: string | undefined): OrderTrace | undefined {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(text ?? "") ?? [];
  return traceId && spanId ? { traceId, spanId } : undefined;
}

function digest(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
