/**
 * The `Order` resources of the tenant, and the making of one. The row is the intent: when Kubernetes is away, the operator makes the resource later.
 * Who has made it tells the row: a resource that somebody deletes before the operator has seen it is then missed, and not made again.
 */
import type { Logger } from "pino";
import { MANAGER } from "#crds/names.ts";
import type { Order, OrderSpec } from "#crds/order.ts";
import { type OrderIntent, orderResource } from "#crds/order-resource.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { isAlreadyExists } from "#kube/errors.ts";
import { ownNamespace } from "#kube/namespace.ts";
import { type ResourceApi, resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import { bindResource } from "#store/orders.ts";

export function orderResources(transport: Transport): ResourceApi<Order> {
  return resourceApi<Order>(transport, ORDERS);
}

export type ResourceDeps = { readonly db: Db; readonly transport: Transport };

/** Creates the resource of the order and tells its row; one that is there already is as good, and the operator's to tell. */
export async function createResource(
  { db, transport }: ResourceDeps,
  order: OrderIntent & { readonly id: number },
  o: { readonly change?: Partial<OrderSpec>; readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = o;
  try {
    const [made, namespace] = await Promise.all([
      orderResources(transport).create(orderResource(order, o.change), { fieldManager: MANAGER, signal }),
      ownNamespace(transport, { signal }),
    ]);
    const { uid } = made.metadata;
    if (uid && namespace) await bindResource(db, order.id, { uid, namespaceUid: namespace.uid });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** How long an answer waits for the resource. Longer than that and the operator sees to it. */
const WAIT_MS = 1_000;

/** Never fails: without the resource the order is only later, because the operator makes those that are missing. */
export async function tryToCreate(
  deps: ResourceDeps & { readonly logger: Logger },
  order: OrderIntent & { readonly id: number },
): Promise<void> {
  try {
    await createResource(deps, order, { signal: AbortSignal.timeout(WAIT_MS) });
  } catch (error) {
    deps.logger.warn({ err: error, orderId: order.id }, "cannot create the order's resource yet");
  }
}
