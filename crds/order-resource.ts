/**
 * The `Order` resource of an order that was asked for elsewhere than in Kubernetes. Whoever makes it makes the same one, held by our finalizer from
 * the start: one that is deleted before the operator has seen it still tells the operator, and is not made again out of its row.
 */
import { API_VERSION, FINALIZER, LABELS, MANAGER } from "./names.ts";
import type { Order, OrderSpec } from "./order.ts";

export type OrderIntent = {
  readonly resourceName: string;
  readonly owner: string;
  readonly label: string;
  readonly correlationId: string;
  readonly spec: OrderSpec;
};

/** `change` is what was asked of the order since. */
export function orderResource(intent: OrderIntent, change: Partial<OrderSpec> = {}): Order {
  const { resourceName, owner, label, correlationId, spec } = intent;
  return {
    apiVersion: API_VERSION,
    kind: "Order",
    metadata: { name: resourceName, labels: { [LABELS.managedBy]: MANAGER }, finalizers: [FINALIZER] },
    spec: { ...spec, owner, label, correlationId, ...change },
  };
}
