/** The events of an order: one when a condition turns to something that a person would want to know. Pure. */
import { ACCEPTED_REASON, ORDER_CONDITION, RESOLVED_REASON, SUCCEEDED_REASON } from "#crds/conditions.ts";
import type { OrderStatus } from "#crds/order.ts";
import { conditionOf } from "../conditions.ts";
import type { OrderEvent } from "./observed.ts";

const GOOD: readonly string[] = [
  ACCEPTED_REASON.accepted,
  RESOLVED_REASON.resolved,
  SUCCEEDED_REASON.allFilesAvailable,
  SUCCEEDED_REASON.suspended,
  SUCCEEDED_REASON.waitingForUser,
  SUCCEEDED_REASON.waitingForSource,
  SUCCEEDED_REASON.waitingForQueue,
  SUCCEEDED_REASON.cancelled,
  SUCCEEDED_REASON.expired,
  SUCCEEDED_REASON.deleted,
];

const ACTIONS = {
  [ORDER_CONDITION.accepted]: "Accept",
  [ORDER_CONDITION.resolved]: "Resolve",
  [ORDER_CONDITION.succeeded]: "Deliver",
} as const;

/** Reasons that only repeat what another condition of the same status says, or that nothing has happened yet. */
const SILENT: readonly string[] = [RESOLVED_REASON.waiting, SUCCEEDED_REASON.refused];

/** What became noteworthy between two statuses. */
export function events(before: OrderStatus | undefined, after: OrderStatus): OrderEvent[] {
  return Object.entries(ACTIONS).flatMap(([type, action]) => {
    const was = conditionOf(before?.conditions, type);
    const is = conditionOf(after.conditions, type);
    if (is === undefined || (was?.status === is.status && was.reason === is.reason)) return [];
    if (SILENT.includes(is.reason)) return [];
    const good = GOOD.includes(is.reason);
    if (!good && is.status !== "False") return [];
    return [{ type: good ? "Normal" : "Warning", reason: is.reason, action, note: is.message }];
  });
}
