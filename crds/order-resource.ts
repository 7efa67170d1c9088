/**
 * The `Order` resource of an order that is known by its row: asked for elsewhere than in Kubernetes, or made anew because the one before went with
 * its namespace. Whoever makes it makes the same one, with the wishes that the row has seen.
 */
import type { OrderStatusWord } from "./files.ts";
import { API_VERSION, LABELS, MANAGER } from "./names.ts";
import type { Order, OrderSpec } from "./order.ts";

export type OrderIntent = {
  readonly resourceName: string;
  readonly owner: string;
  readonly label: string;
  readonly correlationId: string;
  readonly spec: OrderSpec;
  readonly status: OrderStatusWord;
  readonly retriesServed: number;
  readonly expirationAsked?: Date;
};

/** `change` is what was asked of the order since. */
export function orderResource(intent: OrderIntent, change: Partial<OrderSpec> = {}): Order {
  const { resourceName, owner, label, correlationId, spec, retriesServed, expirationAsked } = intent;
  return {
    apiVersion: API_VERSION,
    kind: "Order",
    metadata: { name: resourceName, labels: { [LABELS.managedBy]: MANAGER } },
    spec: {
      ...spec,
      owner,
      label,
      correlationId,
      suspend: isPaused(intent),
      retry: Math.max(spec.retry, retriesServed),
      ...(expirationAsked && { expirationTime: expirationAsked.toISOString() }),
      ...change,
    },
  };
}

/** How it was asked for counts only until anything was told of it. */
function isPaused({ status, spec }: OrderIntent): boolean {
  return status === "PAUSED" || (status === "PENDING" && spec.suspend);
}
