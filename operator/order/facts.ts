/** Small questions about an observed order that several parts of the planner ask. Pure. */
import type { Access } from "#catalog/catalogue.ts";
import { ORDER_CONDITION, SUBORDER_CONDITION, SUBORDER_REASON } from "#crds/conditions.ts";
import { isGivenBack } from "#crds/files.ts";
import type { Condition, ObjectMeta } from "#crds/meta.ts";
import type { Order, OrderSpec } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { OrderRow } from "#store/orders.ts";
import { conditionOf } from "../conditions.ts";
import { type Cursor, START } from "./buckets.ts";
import type { Instant, OrderObserved, OrderSettings, Work } from "./observed.ts";

/** The key half of an order: what the user chose, or the resource's UID. */
export function correlationIdOf(order: Order): string {
  return order.spec.correlationId ?? order.metadata.uid ?? "";
}

/** Whether the row is this resource's: bound to it, or made for its name and not bound yet. */
export function isRowOf(row: OrderRow, order: Order): boolean {
  if (row.resourceUid !== undefined) return row.resourceUid === order.metadata.uid;
  return row.resourceName === order.metadata.name;
}

/** Whether the resource was made for this order, bound to it or not: it has its key. */
export function isMadeFor(order: Order, row: Pick<OrderRow, "owner" | "correlationId">): boolean {
  return order.spec.owner === row.owner && correlationIdOf(order) === row.correlationId;
}

/** As whom the catalogue is searched. */
export function accessOf({ owner, role, groups }: OrderRow): Access {
  return { email: owner, role, groups };
}

export function isDeleting({ metadata }: { readonly metadata: ObjectMeta }): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether `child` is controlled by the object with this UID. Names prove nothing: the parent may have been made anew. */
export function isOwnedBy(child: { readonly metadata: ObjectMeta }, uid: string | undefined): boolean {
  if (uid === undefined) return false;
  return (child.metadata.ownerReferences ?? []).some((o) => o.controller === true && o.uid === uid);
}

export function ownSubOrders(observed: OrderObserved): readonly SubOrder[] {
  return observed.subOrders.filter((s) => isOwnedBy(s, observed.order.metadata.uid));
}

export function cursorOf(row: OrderRow): Cursor {
  return (row.cursor as Cursor | null | undefined) ?? START;
}

export function isTerminal(row: OrderRow): boolean {
  return isGivenBack(row.status);
}

/** Whether the search is over and no sub-order waits or runs. */
export function isEnded(row: OrderRow, work: Work): boolean {
  return row.resolvedAt !== undefined && work.subOrders.waiting === 0 && work.subOrders.running === 0;
}

/** A generation that was refused stays refused: only another spec is looked at again. */
export function wasRefused(order: Order): boolean {
  const accepted = conditionOf(order.status?.conditions, ORDER_CONDITION.accepted);
  return accepted?.status === "False" && accepted.observedGeneration === order.metadata.generation;
}

export function subOrderSeconds(spec: OrderSpec, settings: OrderSettings): number {
  return spec.subOrderAvailabilitySeconds ?? settings.appSubOrderHours * 3600;
}

const ATTEMPT_ENDED: readonly string[] = [
  SUBORDER_REASON.allFilesAvailable,
  SUBORDER_REASON.someFilesFailed,
  SUBORDER_REASON.notReady,
  SUBORDER_REASON.jobFailed,
];

/** How the attempt in the resource's spec ended, as its own controller tells it; `undefined` while it goes on. */
export function attemptEnd(subOrder: SubOrder): Condition | undefined {
  if (subOrder.status?.attempt !== subOrder.spec.attempt) return undefined;
  const succeeded = conditionOf(subOrder.status.conditions, SUBORDER_CONDITION.succeeded);
  return succeeded && ATTEMPT_ENDED.includes(succeeded.reason) ? succeeded : undefined;
}

/** Whether sub-orders are started, and every one of them stands in the queue of the cluster. */
export function isQueued(observed: OrderObserved, { active }: Work): boolean {
  const queued = ownSubOrders(observed).filter(({ spec, status }) => {
    const succeeded = conditionOf(status?.conditions, SUBORDER_CONDITION.succeeded);
    return status?.attempt === spec.attempt && succeeded?.reason === SUBORDER_REASON.waitingForQueue;
  });
  const numbers = new Set(queued.map(({ spec }) => spec.number));
  return active.length > 0 && active.every(({ number }) => numbers.has(number));
}

/** Milliseconds until `time`, at least one. */
export function msUntil(time: Instant, now: Instant): number {
  return Math.max(1, time.getTime() - now.getTime());
}

/** Whether the row says that a run ended although work goes on again: failed files are fetched once more. */
export function isRestarted(row: OrderRow, work: Work): boolean {
  return !isTerminal(row) && row.completionTime !== undefined && !isEnded(row, work);
}
