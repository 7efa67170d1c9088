/**
 * A delivery request: an order like any other, whose archive is brought to the tenant's bucket when it is done (rs-order.md §4.10). The order has a
 * correlation id made from the delivery's, so a repeat is the same order, and the delivery is promised before the request is acknowledged.
 */
import { createHash } from "node:crypto";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { LIMITS } from "#crds/order.ts";
import { findDelivery, insertDelivery } from "#store/deliveries.ts";
import type { OrderRow } from "#store/orders.ts";
import type { Envelope, QueuedMessage } from "#store/outbox.ts";
import { readSettings } from "#store/settings.ts";
import { bodyProblems, withoutNulls } from "../../http/check-body.ts";
import { type AcceptDeps, acceptOrder } from "../../orders/accept.ts";
import { invalid, type Refusal } from "../../orders/outcome.ts";
import { type Asked, replyProblem } from "../incoming.ts";
import { deliveryGranted, deliveryRefused } from "./messages.ts";

const checker = TypeCompiler.Compile(
  Type.Object({
    correlationId: Type.String({ maxLength: LIMITS.correlationIdLength }),
    targetDelivery: Type.String({ minLength: 1, maxLength: 255, fault: "targetDelivery is mandatory" }),
    order: Type.Record(Type.String(), Type.Unknown(), { fault: "order is mandatory" }),
  }),
);

/** What is still to be told, if anything. Throws only for faults of the system; to be called again then, with the same message. */
export async function answerDelivery(deps: AcceptDeps, asked: Asked): Promise<QueuedMessage | undefined> {
  const { correlationId, replyTo } = asked;
  const problem = replyTo === undefined ? undefined : replyProblem(replyTo);
  if (problem !== undefined) {
    const { replyTo: _, ...rest } = asked;
    return refused(rest, invalid(correlationId, [{ field: "reply_to", message: problem, rejected: replyTo }]));
  }
  const problems = bodyProblems(checker, withoutNulls({ ...asked.body }));
  if (problems.length > 0) return refused(asked, invalid(correlationId, problems));
  const { order, target } = parts(asked);
  const owner = String(order["user"] ?? "");
  const known = await findDelivery(deps.db, { owner, correlationId });
  const settings = await readSettings(deps.db);
  const sizeLimit = known?.sizeLimit ?? smaller(order["sizeLimitInBytes"], settings.delivery_order_size_limit_bytes);
  const body = { ...order, correlationId: orderKey(correlationId), sizeLimitInBytes: sizeLimit };
  const { traceparent } = asked;
  const outcome = await acceptOrder(deps, {
    body,
    channel: "delivery",
    ...(traceparent !== undefined && { traceparent }),
  });
  if (outcome.kind === "refused") return refused(asked, inWordsOf(asked, outcome));
  if (known === undefined) {
    const hours = settings.delivery_request_ttl_hours;
    await promise(deps, asked, { row: outcome.row, target, sizeLimit, hours });
  }
  return undefined;
}

async function promise(
  deps: AcceptDeps,
  asked: Asked,
  o: { readonly row: OrderRow; readonly target: string; readonly sizeLimit: number; readonly hours: number },
): Promise<void> {
  const now = deps.now();
  const { correlationId, replyTo } = asked;
  const delivery = {
    orderId: o.row.id,
    owner: o.row.owner,
    correlationId,
    target: o.target,
    sizeLimit: o.sizeLimit,
    envelope: envelopeOf(asked),
    expiresAt: new Date(now.getTime() + o.hours * 3_600_000),
    ...(replyTo !== undefined && { replyTo }),
  };
  await insertDelivery(deps.db, delivery, { granted: deliveryGranted(delivery), now });
}

function parts({ body }: Asked): { readonly order: Readonly<Record<string, unknown>>; readonly target: string } {
  return { order: body["order"] as Readonly<Record<string, unknown>>, target: String(body["targetDelivery"]) };
}

/** Answers carry the application id and the priority of the request. */
function envelopeOf({ appId, priority }: Asked): Envelope {
  return { ...(appId !== undefined && { appId }), ...(priority !== undefined && { priority }) };
}

function refused(asked: Asked, refusal: Refusal): QueuedMessage {
  return {
    ...deliveryRefused(asked.correlationId, refusal),
    dedupKey: `delivery:${asked.fingerprint}`,
    envelope: envelopeOf(asked),
    ...(asked.replyTo !== undefined && { replyTo: asked.replyTo }),
  };
}

/** The requester knows the delivery's correlation id only. */
function inWordsOf({ correlationId }: Asked, refusal: Refusal): Refusal {
  return { ...refusal, message: refusal.message.replaceAll(orderKey(correlationId), correlationId) };
}

/** As long as a correlation id may be, whatever the delivery's is. */
function orderKey(correlationId: string): string {
  const key = `delivery-${correlationId}`;
  if (key.length <= LIMITS.correlationIdLength) return key;
  return `delivery-${createHash("sha256").update(correlationId).digest("hex")}`;
}

/** What is no size is left to the check of the order. */
function smaller(asked: unknown, limit: number): number {
  const size = typeof asked === "string" && /^\d{1,15}$/.test(asked) ? Number(asked) : asked;
  return typeof size === "number" ? Math.min(size, limit) : limit;
}
