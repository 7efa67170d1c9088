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

/** A span of anybody's. */
export type SpanContext = OrderTrace & { readonly sampled: boolean };

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent`, also of a later version, as W3C Trace Context asks for; undefined for what is none. */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text ?? "") ?? [];
  if (!traceId || !spanId || (version === "00" && more !== undefined)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? "0", 16) & 1) === 1 };
}

function digest(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
