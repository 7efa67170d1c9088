/** The `Order` resources of the tenant, and the making of one. The row is the intent: when Kubernetes is away, the operator makes the resource later. */
import { MANAGER } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { isAlreadyExists } from "#kube/errors.ts";
import { type ResourceApi, resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";

export function orderResources(transport: Transport): ResourceApi<Order> {
  return resourceApi<Order>(transport, ORDERS);
}

/** Creates the resource; one that is there already is as good. */
export async function createResource(orders: ResourceApi<Order>, resource: Order, signal?: AbortSignal): Promise<void> {
  try {
    await orders.create(resource, { fieldManager: MANAGER, ...(signal && { signal }) });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
