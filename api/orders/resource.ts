/** The `Order` resources of the tenant, and the making of one. The row is the intent: when Kubernetes is away, the operator makes the resource later. */
import type { Logger } from "pino";
import { MANAGER } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import { type OrderIntent, orderResource } from "#crds/order-resource.ts";
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

/** How long an answer waits for the resource. Longer than that and the operator sees to it. */
const WAIT_MS = 1_000;

/** Never fails: without the resource the order is only later, because the operator makes those that are missing. */
export async function tryToCreate(
  deps: { readonly transport: Transport; readonly logger: Logger },
  order: OrderIntent & { readonly id: number },
): Promise<void> {
  try {
    await createResource(orderResources(deps.transport), orderResource(order), AbortSignal.timeout(WAIT_MS));
  } catch (error) {
    deps.logger.warn({ err: error, orderId: order.id }, "cannot create the order's resource yet");
  }
}
