/** The spans of an order: asking, the order itself, each attempt of a sub-order, and the program in its Job. */
import type { OnAccepted } from "#api/orders/accept.ts";
import { ORDER_CONDITION, SUBORDER_REASON } from "#crds/conditions.ts";
import type { Order } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import { attemptSpan, orderTrace, parseTraceparent } from "#crds/trace.ts";
import type { Span } from "./otlp.ts";

/** Ids of what happens once, and has no number of its own. */
export function newSpanId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 16);
}

/**
 * The request in the order's trace; and, where it came with a trace of its caller's, once more as a child of the caller's span. The two traces are linked
 * both ways, so who stands in one can walk into the other: the order's stays one, however often and by whomever it is asked for.
 */
export function acceptSpans(tenant: string, o: Parameters<OnAccepted>[0] & { readonly end: Date }): readonly Span[] {
  const order = orderTrace(tenant, o.orderId);
  const caller = parseTraceparent(o.traceparent);
  const request = {
    kind: o.channel === "rest" ? "server" : "consumer",
    start: o.start,
    end: o.end,
    attributes: { "regards.order": o.orderId, "regards.channel": o.channel },
  } as const;
  const spanId = newSpanId();
  const child = { ...order, spanId, parentSpanId: order.spanId, name: "accept order", ...request };
  if (!caller) return [child];
  const { traceId } = caller;
  // A caller whose trace nobody keeps wants no span in it.
  if (!caller.sampled) return [{ ...child, links: [{ traceId, spanId: caller.spanId }] }];
  const asked = { traceId, spanId: newSpanId(), parentSpanId: caller.spanId, name: "ask for order", ...request };
  return [
    { ...child, links: [{ traceId, spanId: asked.spanId }] },
    { ...asked, links: [order] },
  ];
}

/** Undefined for an order that never got a number. */
export function orderSpan(tenant: string, order: Order, now: Date): Span | undefined {
  const { orderId, startTime, completionTime, files, conditions } = order.status ?? {};
  if (orderId === undefined) return undefined;
  const succeeded = conditions?.find(({ type }) => type === ORDER_CONDITION.succeeded);
  return {
    ...orderTrace(tenant, orderId),
    name: "order",
    kind: "internal",
    start: instant(startTime ?? order.metadata.creationTimestamp, now),
    end: instant(completionTime, now),
    attributes: {
      "regards.order": orderId,
      "regards.files": files?.total ?? 0,
      "regards.files.failed": files?.failed ?? 0,
      "regards.reason": succeeded?.reason ?? "",
    },
    ...(succeeded?.status === "False" ? { error: succeeded.message } : {}),
  };
}

export function subOrderSpan(
  tenant: string,
  subOrder: SubOrder,
  o: { readonly reason: string; readonly now: Date },
): Span {
  const { orderId, number, attempt } = subOrder.spec;
  const { startTime, completionTime, files } = subOrder.status ?? {};
  const { traceId, spanId } = orderTrace(tenant, orderId);
  return {
    traceId,
    spanId: attemptSpan(tenant, { orderId, number, attempt }),
    parentSpanId: spanId,
    name: "sub-order",
    kind: "internal",
    start: instant(startTime, o.now),
    end: instant(completionTime, o.now),
    attributes: {
      "regards.order": orderId,
      "regards.suborder": number,
      "regards.attempt": attempt,
      "regards.files": files?.total ?? 0,
      "regards.files.failed": files?.failed ?? 0,
      "regards.reason": o.reason,
    },
    ...(o.reason === SUBORDER_REASON.jobFailed ? { error: o.reason } : {}),
  };
}

/** The program of a Job, under the attempt that started it; undefined where nobody told it which. */
export function workerSpan(
  traceparent: string | undefined,
  o: { readonly start: Date; readonly end: Date; readonly code: number },
): Span | undefined {
  const parent = parseTraceparent(traceparent);
  if (!parent) return undefined;
  return {
    traceId: parent.traceId,
    spanId: newSpanId(),
    parentSpanId: parent.spanId,
    name: "fetch files",
    kind: "internal",
    start: o.start,
    end: o.end,
    attributes: { "process.exit.code": o.code },
    ...(o.code === 0 ? {} : { error: `exit code ${o.code}` }),
  };
}

function instant(time: string | undefined, otherwise: Date): Date {
  return time === undefined ? otherwise : new Date(time);
}
