/** The `Order` resource of a row, and its making. The row is the intent: when Kubernetes is away, the operator makes the resource later. */
import { API_VERSION, LABELS, MANAGER } from "#crds/names.ts";
import type { Order, OrderSpec } from "#crds/order.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { isAlreadyExists } from "#kube/errors.ts";
import { type ResourceApi, resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { OrderRow } from "#store/orders.ts";

export function orderResources(transport: Transport): ResourceApi<Order> {
  return resourceApi<Order>(transport, ORDERS);
}

/** What is created for a row; `change` is what was asked of the order since. */
export function resourceOf(row: OrderRow, change: Partial<OrderSpec> = {}): Order {
  return {
    apiVersion: API_VERSION,
    kind: "Order",
    metadata: { name: row.resourceName, labels: { [LABELS.managedBy]: MANAGER } },
    spec: { ...row.spec, owner: row.owner, label: row.label, correlationId: row.correlationId, ...change },
  };
}

/** Creates the resource; one that is there already is as good. */
export async function createResource(orders: ResourceApi<Order>, resource: Order, signal?: AbortSignal): Promise<void> {
  try {
    await orders.create(resource, { fieldManager: MANAGER, ...(signal && { signal }) });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
