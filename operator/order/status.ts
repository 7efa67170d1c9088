/** The status of an `Order` resource: counters, conditions and one sentence, built from the same judgement as the read model. Pure. */
import { ORDER_CONDITION, SUCCEEDED_REASON } from "#crds/conditions.ts";
import type { Order, OrderStatus } from "#crds/order.ts";
import type { OrderRow, ReadModel } from "#store/orders.ts";
import { conditionOf, conditions, type Observation, shorten, wholeSeconds } from "../conditions.ts";
import type { Instant, OrderObserved } from "./observed.ts";
import type { Stand } from "./stand.ts";

/** As the schema has it. */
const MAX_MESSAGE = 1024;

/** Status of an order that has a row. */
export function statusOf(o: {
  readonly observed: OrderObserved;
  readonly row: OrderRow;
  readonly model: ReadModel;
  readonly stand: Stand;
  readonly now: Instant;
}): OrderStatus {
  const { row, model, stand, now } = o;
  const { order } = o.observed;
  const generation = order.metadata.generation ?? 0;
  const observed = [stand.accepted, stand.resolved, stand.suspended, stand.succeeded];
  return {
    orderId: row.id,
    observedGeneration: generation,
    conditions: conditions(order.status?.conditions ?? [], observed, { generation, now }),
    files: model.files,
    bytes: model.bytes,
    subOrders: model.subOrders,
    percentCompleted: model.percentCompleted,
    ...(model.expirationTime ? { expirationTime: wholeSeconds(model.expirationTime) } : {}),
    startTime: wholeSeconds(row.createdAt),
    ...(model.completionTime ? { completionTime: wholeSeconds(model.completionTime) } : {}),
    message: shorten(sentence(stand.succeeded), MAX_MESSAGE),
  };
}

/** Status of an `Order` that was refused. */
export function refusedStatus(
  order: Order,
  o: { readonly conditions: readonly Observation[]; readonly now: Instant },
): OrderStatus {
  const generation = order.metadata.generation ?? 0;
  const list = conditions(order.status?.conditions ?? [], o.conditions, { generation, now: o.now });
  const refused = conditionOf(list, ORDER_CONDITION.succeeded);
  return {
    observedGeneration: generation,
    conditions: list,
    message: shorten(`Refused: ${refused?.message ?? ""}`, MAX_MESSAGE),
  };
}

/** Whether the second status says no more than that the work went on: how the order stands is the same, and its end is not yet known. */
export function isOnlyProgress(before: OrderStatus | undefined, after: OrderStatus): boolean {
  return before !== undefined && Bun.deepEquals(stand(before), stand(after));
}

function stand({ orderId, observedGeneration, conditions: list = [], completionTime }: OrderStatus) {
  const how = list.map(({ type, status, reason }) => [type, status, reason]);
  return { orderId, observedGeneration, how, completionTime };
}

function sentence(succeeded: Observation): string {
  if (succeeded.reason === SUCCEEDED_REASON.allFilesAvailable) return `Done: ${succeeded.message}`;
  return succeeded.message;
}
