/** Which actions an order's state allows, and the contract's code when it does not. */
import type { OrderStatusWord } from "#crds/files.ts";
import { callProcesses } from "#crds/order.ts";
import type { OrderRow } from "#store/orders.ts";

export type ActionName = "pause" | "resume" | "retry" | "cancel" | "delete";

/** An order is restarted by making another one; the rest are wishes about this one. */
export type Refusable = ActionName | "restart";

const RULES: Readonly<Record<Refusable, { readonly when: readonly OrderStatusWord[]; readonly code: string }>> = {
  pause: { when: ["PENDING", "RUNNING"], code: "ORDER_MUST_BE_PENDING_OR_RUNNING" },
  resume: { when: ["PAUSED"], code: "ORDER_MUST_BE_PAUSED" },
  retry: { when: ["DONE_WITH_WARNING", "FAILED"], code: "ORDER_MUST_BE_DONE_WITH_WARNING_OR_FAILED" },
  restart: { when: ["DONE", "DONE_WITH_WARNING", "FAILED"], code: "ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_FAILED" },
  // Not in the contract, which can cancel over AMQP only.
  cancel: { when: ["PENDING", "RUNNING", "PAUSED"], code: "ORDER_MUST_BE_PENDING_OR_RUNNING_OR_PAUSED" },
  delete: {
    when: ["DONE", "DONE_WITH_WARNING", "PAUSED", "EXPIRED", "FAILED"],
    code: "ORDER_MUST_BE_DONE_OR_DONE_WITH_WARNING_OR_PAUSED_OR_FAILED_OR_EXPIRED",
  },
};

/** The contract's code, when the order's state or what it is of does not allow the action. */
export function refusalOf(action: Refusable, { status, spec }: Pick<OrderRow, "status" | "spec">): string | undefined {
  if (!RULES[action].when.includes(status)) return RULES[action].code;
  // A run is not repeated in parts: the order is restarted.
  if (action === "retry" && callProcesses(spec.selections)) return "ORDER_HAS_PROCESSING";
  return undefined;
}

export function statusesAllowing(action: Refusable): readonly OrderStatusWord[] {
  return RULES[action].when;
}

/** Nothing more will become available by itself. */
export function isOver(row: OrderRow): boolean {
  return row.status !== "PENDING" && row.status !== "RUNNING" && row.status !== "PAUSED";
}
